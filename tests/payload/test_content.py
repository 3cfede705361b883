"""Contents and conversations at their edges: parts of all kinds, and very many of everything."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest

from router.errors import BadRequest
from router.payload import Edit, SystemPrompt, parse
from router.payload.arrays import MAX_ITEMS
from router.payload.content import MAX_READ, read_content
from router.request import Api


def content(text: str) -> str:
    return read_content(msgspec.Raw(text.encode()), "content").text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ('"a\\n\\u00e9"', "a\né"),
        ("null", ""),
        ("[]", ""),
        ('["a",{"text":"b"}]', "a\nb"),
        ('[{"type":"text","text":""},{"type":"text","text":"a"}]', "a"),
        ('[{"type":"text"},{"type":"text","text":null},{"type":"output_text","text":"a"}]', "a"),
        ('[{"type":"thinking","text":{"deep":1}},{"type":"input_text","text":"a"}]', "a"),
        ('[{"type":"refusal","refusal":"no"},{"type":"tool_result","content":"x"}]', ""),
    ],
)
def test_content_reads_as_its_text_parts_joined_by_newlines(given: str, text: str) -> None:
    assert content(given) == text


@pytest.mark.parametrize("part", ["image", "image_url", "input_image"])
def test_every_apis_images_are_noticed(part: str) -> None:
    value = msgspec.Raw(b'["a",{"type":"%s"}]' % part.encode())
    assert read_content(value, "content").has_images


def conversation(*messages: bytes) -> bytes:
    return b'{"model":"MoM","messages":[' + b",".join(messages) + b"]}"


def test_of_a_very_long_conversation_the_latest_turns_and_all_system_messages_are_read() -> None:
    early = [b'{"role":"system","content":"be kind"}', b'{"role":"user","content":"early"}']
    late = [b'{"role":"user","content":"%d"}' % i for i in range(MAX_READ)]
    prompt = parse(Api.CHAT_COMPLETIONS, conversation(*early, *late)).request.prompt
    assert prompt.system == "be kind"
    assert [turn.text for turn in prompt.turns] == [str(i) for i in range(MAX_READ)]


def test_the_early_messages_of_a_very_long_conversation_are_checked_all_the_same() -> None:
    late = [b'{"role":"user"}'] * MAX_READ
    body = conversation(b'{"role":"user"}', b'{"role":"user","content":5}', *late)
    with pytest.raises(BadRequest) as caught:
        parse(Api.CHAT_COMPLETIONS, body)
    assert caught.value.param == "messages[1].content"


def test_of_very_many_parts_the_latest_are_read_and_named_by_their_place() -> None:
    parts = ",".join(f'"{i}"' for i in range(MAX_READ + 5))
    assert content(f"[{parts}]").splitlines() == [str(i) for i in range(5, MAX_READ + 5)]
    with pytest.raises(BadRequest, match=rf"^content\[{MAX_READ + 5}\]\.text: expected a string$"):
        content(f'[{parts},{{"text":5}}]')


def test_a_system_message_far_behind_is_replaced_where_it_stands() -> None:
    before = [b'{"role":"user","content":"%d"}' % i for i in range(3000)]
    body = conversation(*before, b' {"role":"system","content":"old"} ', b'{"role":"user"}')
    changed = parse(Api.CHAT_COMPLETIONS, body).rewrite(Edit(system_prompt=SystemPrompt("new")))
    assert changed == body.replace(b"old", b"new")


def user(content: bytes) -> bytes:
    return b'{"role":"user","content":%s}' % content


TOO_MANY = [
    (Api.CHAT_COMPLETIONS, "messages", b'{"role":"user"%s}', "messages"),
    (Api.MESSAGES, "messages", b'{"role":"system"%s}', "messages"),
    (Api.RESPONSES, "input", b'{"type":"reasoning"%s}', "items"),
    (Api.COMPLETIONS, "prompt", b'"hi%s"', "prompts"),
]


@pytest.mark.parametrize("padding", [0, 100])  # 16,384 items of 100 bytes make an array large
@pytest.mark.parametrize(("api", "param", "item", "items"), TOO_MANY)
def test_more_items_than_any_conversation_has_are_refused(
    api: Api, param: str, item: bytes, items: str, padding: int
) -> None:
    item %= b" " * padding
    body = b'{"model":"MoM","%s":[%%s]}' % param.encode()
    parse(api, body % b",".join([item] * MAX_ITEMS))
    with pytest.raises(BadRequest) as caught:
        parse(api, body % b",".join([item] * (MAX_ITEMS + 1)))
    assert str(caught.value) == f"{param}: holds more than 16384 {items}"
    assert caught.value.param == param


@pytest.mark.parametrize("padding", [0, 100])
def test_of_too_many_items_none_behind_the_limit_is_looked_at(padding: int) -> None:
    item = b'{"role":"user"%s}' % (b" " * padding)
    broken = [item] * MAX_ITEMS + [item, b"5"]
    large = padding > 0
    with pytest.raises(BadRequest) as caught:
        parse(Api.CHAT_COMPLETIONS, conversation(*broken))
    assert ("holds more than" in str(caught.value)) is large


@pytest.mark.parametrize("part", ['"hi"', '{"type":"text"}', '"' + "x" * 100 + '"'])
@pytest.mark.parametrize("role", [b"user", b"system"])
def test_a_content_of_too_many_parts_is_refused(role: bytes, part: str) -> None:
    parts = ",".join([part] * MAX_ITEMS).encode()
    body = conversation(user(b"[%s]").replace(b"user", role))
    parse(Api.CHAT_COMPLETIONS, body % parts)
    with pytest.raises(BadRequest) as caught:
        parse(Api.CHAT_COMPLETIONS, body % (parts + b',"one more"'))
    assert str(caught.value) == "messages[0].content: holds more than 16384 parts"


@pytest.mark.parametrize("role", [b"user", b"system"])
def test_the_parts_of_all_contents_that_are_read_count_together(role: bytes) -> None:
    half = user(b"[" + b",".join([b'""'] * (MAX_ITEMS // 2)) + b"]").replace(b"user", role)
    parse(Api.CHAT_COMPLETIONS, conversation(half, half, user(b'"one"')))
    with pytest.raises(BadRequest) as caught:
        parse(Api.CHAT_COMPLETIONS, conversation(half, half, user(b'["one more"]')))
    assert str(caught.value) == "messages: holds more than 16384 parts of contents"


def test_a_large_array_reads_like_a_small_one_and_names_a_wrong_item_by_its_place() -> None:
    large = b'"%s"' % (b"a" * (1 << 20))
    prompt = parse(Api.CHAT_COMPLETIONS, conversation(user(large), user(b'"hi"'))).request.prompt
    assert [len(turn.text) for turn in prompt.turns] == [1 << 20, 2]
    with pytest.raises(BadRequest) as caught:
        parse(Api.CHAT_COMPLETIONS, conversation(user(large), b'{"role":5}'))
    assert str(caught.value) == "messages[1].role: expected `str`, got `int`"


def test_a_body_of_16_mb_costs_no_more_than_a_few_copies_of_itself() -> None:
    size = 16_000_000
    body = conversation(b'{"role":"system","content":"x"}', b'{"role":"user","content":"%s"}')
    body = body.replace(b"%s", b"a" * size)
    tracemalloc.start()
    try:
        edit = Edit("math", SystemPrompt("new"))
        rewritten = parse(Api.CHAT_COMPLETIONS, body).rewrite(edit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rewritten == body.replace(b"MoM", b"math").replace(b'"x"', b'"new"')
    assert peak < 2.5 * size  # the prompt's text, the new body, and next to nothing else
