"""What a request costs inside the router's process: signals, decisions, and its whole way.

No servers and no model: texts, rules and vectors are made here, the same ones every time. Times are
those of the best of many rounds on one core, and leave out the encoder's pass.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np

from router.balancing import Balancer
from router.bench.affinity import ENDPOINTS, REQUESTS, simulate
from router.bench.measure import Figure, best_of, finished
from router.catalog import Balancing, ModelRef
from router.config import load
from router.config.signals import EmbeddingRule, KeywordRule
from router.decisions import All, Any, Decision, Is, Not, Rule, Stage
from router.encoder import Encoding
from router.flow import RequestFlow
from router.holdings import Holdings
from router.matches import Match, Matches
from router.mutation import Answer, Mutation
from router.request import Api, Headers, HttpMessage, InferenceRequest, Prompt, Turn
from router.signals.embedder import Embedder
from router.signals.embedding import EmbeddingSignal
from router.signals.keyword import KeywordSignal
from router.signals.keywords.matcher import KeywordMatcher
from router.signals.space import Floats, Space
from router.snapshot import Snapshot, compile_snapshot

SHORT_PROMPTS = (
    "Is spam a crime under US law?",
    "Does EU law limit how long we may keep the CVs of people whom we did not hire?",
    "Is this contract void if nobody signed it?",
    "How does the GDPR compare with the CCPA?",
    "Please recommend a novel for a long journey by train through the mountains",
    "请按照美国法律审阅这封邮件",
    "合同没有签字有效吗？",
    "推荐一本适合坐火车时看的小说",
)
_PROSE = (
    "The parties met twice last year, once in Lisbon and once by telephone, and each of them kept "
    "a note of what had been said. The supplier says that delivery was due in the spring; the "
    "buyer says that no date was ever agreed, and that the goods which came in June were not "
    "those of the sample. Nobody has paid so far. We are asked whether the buyer may still refuse "
    "the goods, how long the supplier has to put matters right, and who bears the cost of storage "
    "in the meantime. Please answer in short paragraphs, name the rule that each of them rests "
    "on, and say where the facts are too thin for an answer. A table of the deadlines would help "
    "the board. "
)
_SYLLABLES = ("ka", "ro", "min", "tel", "os", "vra", "que", "li", "dor", "sen", "pu", "gant")
_HAN = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜"
_DIMENSIONS = 384
_MICROSECOND = 1e-6


async def inside(keywords: Path) -> AsyncIterator[Figure]:
    """Every figure; `keywords` is a configuration whose keyword rules alone decide."""
    yield many_keywords()
    loaded = load(keywords)
    yield short_prompts(loaded.config.keyword_rules)
    holdings = Holdings()
    try:
        yield whole_way(await compile_snapshot(loaded, holdings))
    finally:
        await holdings.close()
    yield many_decisions()
    for candidates, limit in ((1_000, 200.0), (10_000, 2_000.0)):
        yield many_candidates(candidates, limit)
    for figure in adapter_loads():
        yield figure


def prose(size: int) -> str:
    """English text of so many bytes."""
    return (_PROSE * (size // len(_PROSE) + 1))[:size]


def microseconds(name: str, limit: float, work: Callable[[], object], detail: str = "") -> Figure:
    """How long `work` takes."""
    return Figure(name, best_of(work) / _MICROSECOND, limit, "µs", detail)


def many_keywords(rules: int = 1_000, each: int = 10) -> Figure:
    """The keyword signal on a prompt of 2 KB, in which one rule of fifty has a word."""
    signal = KeywordSignal(KeywordMatcher(_keyword_rules(rules, each)))
    text = prose(2048)
    return microseconds(
        f"keyword signal, {rules * each:,} keywords in {rules:,} rules, prompt of 2 KB",
        100,
        lambda: signal.report(text),
        f"{len(signal.report(text).matches)} rules match",
    )


def _keyword_rules(rules: int, each: int) -> list[KeywordRule]:
    chance = random.Random(1)
    said = sorted({word.strip(".,;") for word in prose(2048).split() if len(word) > 4})
    return [
        KeywordRule(
            name=f"rule-{index}",
            keywords=(
                *(_keyword(chance) for _ in range(each - 1)),
                chance.choice(said) if index % 50 == 0 else _keyword(chance),
            ),
        )
        for index in range(rules)
    ]


def _keyword(chance: random.Random) -> str:
    """Three in four are a word, the others two words, or a term in Chinese."""
    word = "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))
    match chance.randrange(8):
        case 0:
            return f"{word} {chance.choice(_SYLLABLES)}{chance.choice(_SYLLABLES)}"
        case 1:
            return "".join(chance.choices(_HAN, k=chance.randint(2, 5)))
        case _:
            return word


def short_prompts(rules: Sequence[KeywordRule]) -> Figure:
    """How many short prompts the keyword signal classifies in a second on one core."""
    signal = KeywordSignal(KeywordMatcher(rules))
    seconds = best_of(lambda: [signal.report(text) for text in SHORT_PROMPTS]) / len(SHORT_PROMPTS)
    keywords = sum(len(rule.keywords) for rule in rules)
    return Figure(
        f"short prompts by keyword, {keywords} keywords in {len(rules)} rules",
        1 / seconds,
        100_000,
        "a second",
        f"one takes {seconds / _MICROSECOND:.1f} µs; English and Chinese",
        at_least=True,
    )


def whole_way(snapshot: Snapshot) -> Figure:
    """From the headers to the mutation, for a body of 1 KB that keyword rules alone decide on."""
    question = "Under EU law, is this contract void?"
    body = chat_body(f"{prose(1024 - 96 - len(question))}{question}")
    answer = request_way(snapshot, Balancer(), body)
    assert isinstance(answer(), Mutation)
    return microseconds(
        f"keyword-only request, headers and body of {len(body)} bytes to mutation",
        60,
        answer,
        "one stream's RequestFlow, in a loop; no protobuf, no log line",
    )


def chat_body(text: str) -> bytes:
    """A chat request that asks the router to choose."""
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": "MoM", "messages": messages, "temperature": 0.2}).encode()


def request_way(snapshot: Snapshot, balancer: Balancer, body: bytes) -> Callable[[], Answer]:
    """One request's way through the router, as often as it is called."""
    headers = (
        (":method", "POST"),
        (":path", Api.CHAT_COMPLETIONS.value),
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("x-request-id", "6f1c1f0e-2a55-4a0e-9d4e-2f8f9d6a7b10"),
    )

    def go() -> Answer:
        flow = RequestFlow(snapshot, lambda routing: None, balancer)
        head = HttpMessage(Headers(headers))
        flow.on_request_headers(head, end_of_stream=False)
        answer = finished(flow.on_request(HttpMessage(head.headers, body)))
        flow.closed()
        return answer

    return go


def many_decisions(count: int = 100) -> Figure:
    """Decisions of five conditions each, in three shapes, on what 200 signals found."""
    chance = random.Random(1)
    kinds = ("keyword", "embedding", "domain", "language", "request")
    names = [f"name-{index}" for index in range(60)]

    def leaves() -> list[Is]:
        return [Is(chance.choice(kinds), chance.choice(names)) for _ in range(5)]

    stage = Stage(
        [
            Decision(f"decision-{i}", _SHAPES[i % 3](leaves()), (ModelRef("m"),), priority=i % 7)
            for i in range(count)
        ]
    )
    found = [
        Match(kind, name, chance.random(), holds=chance.random() < 0.85)
        for kind in kinds
        for name in chance.sample(names, 40)
    ]
    standing = len(stage.decide(Matches(found)).standing)
    return microseconds(
        f"decisions, {count} of 5 conditions, on {len(found)} findings",
        100,
        lambda: stage.decide(Matches(found)),
        f"{standing} hold",
    )


_SHAPES: tuple[Callable[[list[Is]], Rule], ...] = (
    lambda leaf: All(tuple(leaf)),
    lambda leaf: All((leaf[0], Any(tuple(leaf[1:3])), Not(Any(tuple(leaf[3:]))))),
    lambda leaf: Any((All(tuple(leaf[:2])), All(tuple(leaf[2:])))),
)


def many_candidates(candidates: int, limit: float, each: int = 10) -> Figure:
    """The embedding signal besides the encoder's pass; `limit` is in microseconds."""
    vectors = _directions(candidates)
    rules = [
        EmbeddingRule(name=f"rule-{index}", candidates=tuple(map(str, range(each))))
        for index in range(candidates // each)
    ]
    encoder = _Still(vectors[0])
    embedder = Embedder(encoder, Space.around(_directions(64)), timeout=1.0)
    signal = EmbeddingSignal(embedder, rules, embedder.space.place(vectors))
    request = InferenceRequest(Api.CHAT_COMPLETIONS, "MoM", Prompt((Turn("user", "hello"),)))
    matches = finished(signal.evaluate(request)).matches
    return microseconds(
        f"embedding signal, {candidates:,} candidates in {len(rules):,} rules",
        limit,
        lambda: finished(signal.evaluate(request)),
        f"{sum(match.holds for match in matches)} holds; the encoder's pass comes on top",
    )


def _directions(count: int) -> Floats:
    """Vectors of length 1 in all directions. Shape [count, dimensions]."""
    vectors = np.random.default_rng(1).standard_normal((count, _DIMENSIONS), np.float32)
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


class _Still:
    """An encoder that has the answer already."""

    labels: tuple[str, ...] = ()
    identity = ""

    def __init__(self, vector: Floats) -> None:
        self.aliases: dict[str, tuple[str, ...]] = {}
        self._encoding = Encoding(None, vector, tokens=16, truncated=False)

    async def encode(self, text: str, *, timeout: float | None = None) -> Encoding:
        return self._encoding

    async def close(self) -> None:
        return


def adapter_loads() -> tuple[Figure, Figure]:
    """What it saves to send an adapter's requests where it is loaded, and what it costs."""
    loads, _ = simulate(Balancing.WEIGHTED)
    fewer, busiest = simulate(Balancing.LORA_AFFINITY)
    detail = f"simulated: {REQUESTS:,} requests, {ENDPOINTS} endpoints"
    return (
        Figure(
            "adapter loads, by weight over lora_affinity",
            loads / fewer,
            3,
            "x",
            f"{loads} and {fewer}; {detail}",
            at_least=True,
        ),
        Figure("busiest endpoint under lora_affinity", busiest, 1.5, "x the mean", detail),
    )
