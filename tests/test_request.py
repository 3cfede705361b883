"""What a client asked, as the rooms above see it."""

from __future__ import annotations

import pytest

from router.request import Api, Headers, HttpMessage, InferenceRequest, Prompt, Turn


def turns(*spoken: tuple[str, str]) -> Prompt:
    return Prompt(tuple(Turn(role, text) for role, text in spoken), system="be kind")


def test_the_latest_user_turn_is_classified() -> None:
    prompt = turns(("user", "first"), ("assistant", "well"), ("user", "latest"), ("tool", "{}"))
    assert prompt.text == "latest"


def test_an_empty_user_turn_falls_back_to_an_earlier_one() -> None:
    assert turns(("user", "first"), ("assistant", "well"), ("user", " \n")).text == "first"


def test_without_user_text_the_latest_turn_of_anybody_is_classified() -> None:
    assert turns(("assistant", "well"), ("tool", "found"), ("user", "")).text == "found"


def test_without_any_turn_the_system_text_is_classified() -> None:
    assert turns().text == "be kind"


def test_the_first_of_repeated_headers_is_read_and_all_are_kept() -> None:
    headers = Headers([("a", "1"), ("b", "2"), ("a", "3")])
    assert headers.get("a") == "1"
    assert list(headers) == [("a", "1"), ("b", "2"), ("a", "3")]
    assert headers.get("absent") == ""
    assert "b" in headers
    assert len(headers) == 3
    assert headers == Headers([("a", "1"), ("b", "2"), ("a", "3")])


def test_a_query_string_is_no_part_of_the_path() -> None:
    message = HttpMessage(Headers([(":method", "post"), (":path", "/v1/x?api-version=2")]))
    assert (message.method, message.path) == ("POST", "/v1/x")


@pytest.mark.parametrize("shown", ["a secret", "Bearer key"])
def test_neither_bodies_nor_header_values_nor_prompts_are_shown(shown: str) -> None:
    message = HttpMessage(Headers([("authorization", shown)]), shown.encode())
    prompt = Prompt((Turn("user", shown),), system=shown)
    assert shown not in repr(message) + repr(message.headers) + repr(prompt)


def test_a_request_id_has_its_bounds() -> None:
    assert HttpMessage(Headers([("x-request-id", "x" * 5000)])).request_id == "x" * 128


# The lengths that the tokenizer of a widely used model, Qwen, gives these texts.
COUNTED = {
    "english": (
        "I signed a lease for an apartment two months ago. Can the landlord sell the building now?",
        19,
    ),
    "code": (
        "for start, end in sorted(spans):\n    if out and start <= out[-1][1]:\n        continue\n",
        24,
    ),
    "chinese": (
        "我两个月前签了一份租房合同，现在房东说这栋楼年底要卖掉。他可以不付任何赔偿就这样做吗？",
        28,
    ),
    "japanese": (
        "二か月前にアパートの賃貸契約を結びましたが、大家さんは年末に建物を売却すると言っています。",
        30,
    ),
    "korean": (
        "두 달 전에 아파트 임대 계약을 맺었는데, 집주인이 연말에 건물을 팔겠다고 합니다.",
        32,
    ),
    "russian": (
        "Два месяца назад я подписал договор аренды, а теперь хозяин продаёт дом в конце года.",
        24,
    ),
    "arabic": (
        "وقعت عقد إيجار شقة قبل شهرين، والآن يقول المالك إن المبنى سيباع في نهاية العام.",
        29,
    ),
    "french": (
        "J'ai signé un bail il y a deux mois et l'immeuble sera vendu à la fin de l'année.",
        27,
    ),
}


@pytest.mark.parametrize(("text", "tokens"), COUNTED.values(), ids=COUNTED)
def test_the_estimated_length_is_not_far_from_what_a_tokenizer_counts(
    text: str, tokens: int
) -> None:
    assert tokens / 2 < Prompt((Turn("user", text),)).estimated_tokens < tokens * 2


def test_every_turn_and_the_system_text_add_to_the_length() -> None:
    assert Prompt(()).estimated_tokens == 0
    prompt = Prompt((Turn("user", "x" * 40), Turn("assistant", "法" * 30)), system="y" * 8)
    assert prompt.estimated_tokens == 10 + 20 + 2


@pytest.mark.parametrize("text", ["法律", "налог ", "été à la ", "law 法律 and 税务 "])
@pytest.mark.parametrize("characters", [16_384, 16_385, 20_000, 131_071, 1_000_000])
def test_a_long_text_is_as_long_in_proportion_as_a_short_one(text: str, characters: int) -> None:
    short = Prompt((Turn("user", (text * 9000)[:9000]),)).estimated_tokens
    long = Prompt((Turn("user", (text * characters)[:characters]),)).estimated_tokens
    assert long / characters == pytest.approx(short / 9000, rel=0.02)


def test_a_long_text_in_two_scripts_counts_both() -> None:
    halves = Prompt((Turn("user", "a" * 60_000 + "法" * 60_000),)).estimated_tokens
    assert halves == pytest.approx(15_000 + 40_000, rel=0.15)


def test_the_length_of_any_text_can_be_told() -> None:
    assert Prompt((Turn("user", "\ud800\udfff😀\0"),)).estimated_tokens > 0


def test_what_clients_say_of_themselves_is_not_shown() -> None:
    request = InferenceRequest(
        Api.MESSAGES,
        "MoM",
        Prompt(),
        user="SECRET",
        metadata={"SECRET": "SECRET"},
        headers=Headers([("x-tenant", "SECRET")]),
    )
    assert "SECRET" not in repr(request)
