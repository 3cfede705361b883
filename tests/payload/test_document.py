"""What counts as a JSON object, and how a body that is none is refused."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import BadRequest
from router.payload import Edit, SystemPrompt, SystemPromptMode, parse
from router.payload.document import (
    MAX_BRACKETS,
    MAX_LONE_SURROGATES,
    MAX_MEMBERS,
    MAX_MENDED_BACKSLASHES,
    MAX_NAME,
    read_body,
)
from router.request import Api

CHAT = Api.CHAT_COMPLETIONS
SECRET = "xyzzyplughqwfpgj"
FORMS = [
    (CHAT, '{"model":"m","messages":[{"role":"user","content":"%s"}],"n":[1.5e3,{"a":null}]}'),
    (CHAT, ' {"model":"m","messages":[{"role":["%s"],"content":1}]}'),
    (CHAT, '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":["%s"]}]}]}'),
    (Api.COMPLETIONS, '{"model":"m","prompt":["%s",1]}'),
    (Api.RESPONSES, '{"model":"m","input":[{"content":"%s"}]}'),
    (Api.RESPONSES, '{"model":"m","input":"\\ud800\\\\%s","%s":1,"b":2}'),
    (Api.MESSAGES, '{"model":"m","system":[{"type":"%s","text":5}],"messages":[]}'),
]
forms = st.sampled_from([(api, text.replace("%s", SECRET).encode()) for api, text in FORMS])


def chat(content: bytes = b'"hi"', more: bytes = b"") -> bytes:
    head = b'{"model":"MoM","messages":[{"role":"user","content":'
    return head + content + b"}]" + more + b"}"


def refusal(body: bytes) -> str:
    with pytest.raises(BadRequest) as caught:
        parse(CHAT, body)
    return str(caught.value)


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """The body with a few bytes cut out, replaced or put in, or with its end missing."""
    start = draw(st.integers(0, len(body)))
    end = draw(st.sampled_from([start, start + 1, start + 7, len(body)]))
    junk = st.sampled_from([b"", b'"', b"{", b"]", b",", b"NaN", b"-", b"\\", b"\x00", b"\xc3"])
    return body[:start] + draw(junk | st.binary(max_size=3)) + body[end:]


damaged_forms = forms.flatmap(lambda form: st.tuples(st.just(form[0]), damaged(form[1])))


def is_json_object(body: bytes) -> bool:
    """What the standard library says of it."""

    def refuse(_: str) -> None:
        raise ValueError

    with suppress(ValueError):
        return isinstance(json.loads(body.decode(), parse_constant=refuse), dict)
    return False


def told(api: Api, body: bytes) -> tuple[str, str]:
    """The refusal's message and param, both empty where the body is taken."""
    try:
        parse(api, body)
    except BadRequest as error:
        return str(error), str(error.param)
    return "", ""


@settings(max_examples=300, deadline=None)
@given(damaged_forms)
def test_a_body_is_called_malformed_exactly_when_it_is_no_json_object(
    form: tuple[Api, bytes],
) -> None:
    message, _ = told(*form)
    malformed = message.startswith(("body is", "body begins", "body: "))
    assert malformed is not is_json_object(form[1]), message


@settings(max_examples=300, deadline=None)
@given(damaged_forms)
def test_no_refusal_quotes_the_prompt(form: tuple[Api, bytes]) -> None:
    message, param = told(*form)
    quoted = {SECRET[i : i + 4] for i in range(len(SECRET) - 3)}
    assert not any(piece in message + param for piece in quoted)
    assert "\n" not in message
    assert message[:1] == message[:1].lower()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(Api), st.binary(max_size=40))
def test_arbitrary_bytes_raise_nothing_but_a_bad_request(api: Api, body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(api, body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body is empty, expected a json object"),
        (b"   ", "body is not valid json: input data was truncated at byte 3"),
        (b"\xef\xbb\xbf{}", "body begins with a byte order mark, expected a json object"),
        (b'{"model": nope}', "body is not valid json: invalid character at byte 11"),
        (b'{"model":"MoM",}', "body is not valid json: trailing comma in object at byte 15"),
        (b"[1]", "body: expected `object`, got `array`"),
        (b'"MoM"', "body: expected `object`, got `str`"),
        (b"null", "body: expected `object`, got `null`"),
        (chat(b"NaN"), "body is not valid json: invalid character at byte 52"),
        (chat() + b"{}", "body is not valid json: trailing characters at byte 60"),
        (chat(b'"\xff"'), "body is not valid utf-8 at byte 53"),
        (chat(b'"\xed\xa0\x80"'), "body is not valid utf-8 at byte 53"),
        ('{"model":"MoM"}'.encode("utf-16"), "body is not valid utf-8 at byte 0"),
    ],
)
def test_the_refusal_says_what_is_wrong_and_at_which_byte(body: bytes, message: str) -> None:
    assert refusal(body) == message


def test_invalid_utf_8_is_found_far_behind_valid_text_of_many_bytes_per_character() -> None:
    text = "日本語😀".encode() * 30_000
    assert parse(CHAT, chat(b'"%s"' % text)).request.prompt.text.startswith("日本語😀日")
    cut = refusal(chat(b'"%s\xf0\x9f\x98"' % text))
    assert cut == f"body is not valid utf-8 at byte {53 + len(text)}"


def test_a_body_that_ends_within_a_character_is_refused() -> None:
    assert refusal(b'{"model":"\xe6\x97') == "body is not valid utf-8 at byte 10"


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_a_hundred_thousand_brackets_are_refused_without_harm(bracket: bytes) -> None:
    assert refusal(b'{"model":"MoM","x":' + bracket * 100_000) == "body is nested too deeply"


def test_a_body_nested_to_the_limit_is_never_rewritten_into_a_crash() -> None:
    def deeper(frames: int, body: bytes) -> bytes:
        if frames:
            return deeper(frames - 1, body)
        edit = Edit(system_prompt=SystemPrompt("prompt", SystemPromptMode.INSERT))
        return payload.rewrite(edit)

    for depth in range(400, 1100, 20):
        body = chat(more=b',"x":' + b"[" * depth + b"]" * depth).replace(b"user", b"system")
        nested = body.replace(b'"hi"', b'"hi","x":' + b"[" * depth + b"]" * depth)
        try:
            payload = parse(CHAT, nested)
        except BadRequest:
            break
        with suppress(BadRequest):
            assert json.loads(deeper(60, nested))["messages"][0]["content"] == "prompt\n\nhi"


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"b","messages":[]}',
        b'{"model":"a","messages":[],"model":"a"}',
        b'{"model":1,"model":11,"messages":[]}',
        b'{"model":11,"model":1}',
        b'{"model":"a","mod\\u0065l":"b"}',
        b'{"x":{},"x":{"y":1},"model":"a"}',
        b'{"a":1,"b":2,"a":1}',
        b'{"a":{"z":0,"b":1},"a":123456,"b":1}',
        b'{"a":1,"a":1,"b":1}',
        b'{"a":"x\\",","a":"x\\"," }',
    ],
)
def test_a_repeated_name_is_refused_since_readers_disagree_about_which_counts(body: bytes) -> None:
    assert refusal(body) == "body repeats a name"


def test_the_same_name_at_different_depths_is_no_repetition() -> None:
    body = chat(more=b',"x":{"model":"evil"},"messages2":[{"model":"evil","model":"evil"}]')
    assert parse(CHAT, body).rewrite(Edit("math")) == body.replace(b"MoM", b"math")


def members(count: int, value: bytes = b"0") -> bytes:
    return b",".join(b'"%d":%s' % (i, value) for i in range(count))


LONG = b'"%s"' % (b"a" * 100)  # 4096 of these make an object large


@pytest.mark.parametrize("value", [b"0", LONG])
def test_a_body_of_too_many_members_is_refused(value: bytes) -> None:
    parse(CHAT, chat(more=b"," + members(MAX_MEMBERS - 2, value)))
    many = chat(more=b"," + members(MAX_MEMBERS - 1, value))
    assert refusal(many) == "body holds more than 4096 members"


@pytest.mark.parametrize("value", [b"0", LONG])
@pytest.mark.parametrize("api", [Api.CHAT_COMPLETIONS, Api.RESPONSES, Api.MESSAGES])
def test_template_arguments_of_too_many_members_are_refused_as_the_body_is_parsed(
    api: Api, value: bytes
) -> None:
    body = chat(more=b',"input":"hi","chat_template_kwargs":{%s}')
    parse(api, body % members(MAX_MEMBERS, value))
    message, param = told(api, body % members(MAX_MEMBERS + 1, value))
    assert message == "chat_template_kwargs: holds more than 4096 members"
    assert param == "chat_template_kwargs"


def test_a_reasoning_object_of_too_many_members_is_refused_as_the_body_is_parsed() -> None:
    body = b'{"model":"MoM","input":"hi","reasoning":{%s}}' % members(MAX_MEMBERS + 1)
    told_message = told(Api.RESPONSES, body)[0]
    assert told_message == "reasoning: holds more than 4096 members"


@pytest.mark.parametrize("value", [b"0", LONG])
def test_a_system_message_of_too_many_members_is_refused_when_it_is_to_be_rewritten(
    value: bytes,
) -> None:
    edit = Edit(system_prompt=SystemPrompt("prompt"))
    body = chat().replace(b'"user",', b'"system",%s,')
    parse(CHAT, body % members(MAX_MEMBERS - 2, value)).rewrite(edit)
    payload = parse(CHAT, body % members(MAX_MEMBERS - 1, value))
    with pytest.raises(BadRequest, match=r"^messages\[0\]: holds more than 4096 members$"):
        payload.rewrite(edit)


def test_members_of_one_name_count_each() -> None:
    many = b",".join([b'"a":%s' % LONG] * (MAX_MEMBERS + 1))
    body = chat(more=b',"chat_template_kwargs":{%s}' % many)
    assert refusal(body) == "chat_template_kwargs: holds more than 4096 members"


def test_a_very_long_name_in_a_large_object_is_refused_before_it_is_followed() -> None:
    name = b"\\n" * MAX_NAME
    large = b',"x":%s' % LONG.replace(b"a", b"a" * 4000)
    parse(CHAT, chat(more=large + b',"%s":1' % name))
    assert (
        refusal(chat(more=large + b',"%sn":1' % name))
        == "body holds a name of more than 1024 characters"
    )


def test_a_large_object_reads_and_changes_like_a_small_one() -> None:
    body = chat(more=b', "x" : %s , "\\u0079" :\t[1 ] ' % LONG.replace(b"a", b"a" * 4000))
    assert parse(CHAT, body).rewrite(Edit("math")) == body.replace(b"MoM", b"math")


@pytest.mark.parametrize("bracket", [b"[", b"{"])
def test_a_large_body_of_too_many_brackets_is_refused_before_it_is_decoded(bracket: bytes) -> None:
    room = b" " * (4 << 20)
    few = chat(b'"%s"' % (bracket * (MAX_BRACKETS - 3)), room)
    assert parse(CHAT, few).request.model == "MoM"
    broken = chat(b'"%s"' % (bracket * (MAX_BRACKETS - 2)), room)[:-1]
    assert refusal(broken) == "body holds more than 1048576 brackets"


@pytest.mark.parametrize("head", [b'{"a":1%s,"a":1}', b'{"model":1%s"a":2'])
def test_a_flood_of_blanks_is_passed_over_once(head: bytes) -> None:
    # Matched with every way to share the blanks, this would take longer than any test may.
    assert refusal(head % (b" " * 5_000_000)).startswith("body ")


def test_a_repeated_name_behind_a_flood_of_blanks_is_written_anew() -> None:
    arguments = b'{"a":1%s,"a":1}' % (b" " * 5_000_000)
    body = chat(more=b',"chat_template_kwargs":' + arguments)
    assert parse(CHAT, body).rewrite(Edit("math")) == body.replace(b"MoM", b"math")


@pytest.mark.parametrize(
    ("escapes", "text"),
    [
        (rb"\ud800", "�"),
        (rb"\uDFFF end", "� end"),
        (rb"\ud83d\ude00", "😀"),
        (rb"\ud83d\ud83d\ude00\ude00", "�😀�"),
        (rb"\\ud800", r"\ud800"),
        (rb"\\\ud800", "\\�"),
        (rb"\ud800 \\\\ \n C:\\dir", "� \\\\ \n C:\\dir"),
        (rb"\\ud83d\ude00\ud800", "\\ud83d��"),
    ],
)
def test_lone_surrogate_escapes_pass_and_read_as_replacement_characters(
    escapes: bytes, text: str
) -> None:
    body = chat(b'"%s"' % escapes)
    payload = parse(CHAT, body)
    assert payload.request.prompt.text == text
    assert payload.rewrite(Edit("math")) == body.replace(b"MoM", b"math")


def test_an_inserted_prompt_leaves_lone_surrogates_beside_it_as_they_are() -> None:
    body = chat(rb'"\ud800"').replace(b"user", b"system")
    edit = Edit(system_prompt=SystemPrompt("a", SystemPromptMode.INSERT))
    assert parse(CHAT, body).rewrite(edit) == body.replace(b'"\\ud8', b'"a\\n\\n\\ud8')


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\udc00", rb"\\\ud800"])
def test_more_lone_surrogates_than_any_text_has_are_refused(escape: bytes) -> None:
    parse(CHAT, chat(b'"%s"' % (escape * MAX_LONE_SURROGATES)))
    many = chat(b'"%s"' % (escape * (MAX_LONE_SURROGATES + 1)))
    assert refusal(many) == "body holds more than 65536 lone surrogates"


@pytest.mark.parametrize("escape", [rb"\\", rb"\n"])
def test_beside_a_lone_surrogate_more_backslashes_than_any_text_has_are_refused(
    escape: bytes,
) -> None:
    content = escape * (MAX_MENDED_BACKSLASHES // escape.count(b"\\") - 1)
    parse(CHAT, chat(b'"\\ud800%s"' % content))
    parse(CHAT, chat(b'"%s"' % (content * 2)))
    found = refusal(chat(b'"\\ud800%s"' % (content + escape)))
    assert found.startswith("body is not valid json: ")


def test_a_raw_nul_beside_a_lone_surrogate_is_still_malformed() -> None:
    assert refusal(chat(b'"\\ud800\0\0"')).startswith("body is not valid json")


@pytest.mark.parametrize(
    "number", [b"-0", b"1.0e+5", b"1e999", b"1" * 400, b"0.1000000000000000055"]
)
def test_numbers_of_any_form_pass_as_written(number: bytes) -> None:
    body = chat(more=b', "temperature" :\t%s \n' % number)
    assert parse(CHAT, body).rewrite(Edit("math")) == body.replace(b"MoM", b"math")


@pytest.mark.parametrize("body", [b"{}", b" \n{} ", b"\t{ }"])
def test_members_can_be_added_to_an_object_without_any(body: bytes) -> None:
    pieces = read_body(body).replace({"a": [b"1"], "b": [b"2"]})
    assert b"".join(pieces) == body.replace(b"{", b'{"a":1,"b":2')
