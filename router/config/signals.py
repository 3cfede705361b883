"""What can be noticed about a request, as the configuration names it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from router.config.languages import CODES, KnownLanguage
from router.config.problems import did_you_mean
from router.config.section import Many, Section
from router.config.texts import ForwardedHeader, Keyword, Name, Patterns, TokenCount

SomePatterns = Annotated[Patterns, Field(min_length=1)]


class NamedRule(Section):
    """A rule with a name of its own, or the category's that it stands for."""

    name: Name | None = Field(
        default=None, description="The rule's name; decisions and categories of that name use it."
    )
    category: Name | None = Field(
        default=None, description="The category that the rule names, in place of `name`."
    )
    description: str = Field(default="", description="For the reader of the file.")

    @property
    def title(self) -> str:
        """The name that the rule's matches carry."""
        return self.name or self.category or ""


class KeywordRule(NamedRule):
    """Words that tell what a prompt is about."""

    example = """
keyword_rules:
  - category: us-law
    operator: OR
    keywords: [US law, federal court, 美国法律]
  - category: urgent
    keywords: [immediately, asap]
    fuzzy_match: true
    fuzzy_threshold: 1
"""

    operator: Literal["AND", "OR", "NOR"] = Field(
        default="OR", description="Whether all keywords, any of them, or none must be there."
    )
    keywords: Many[Keyword] = Field(
        min_length=1,
        description="The words, phrases or patterns. Words stand alone where their script parts "
        "words (`US law` is not in `virus lawyer`); Han, kana, Hangul, Thai and the like run on.",
    )
    method: Literal["literal", "regex"] = Field(
        default="literal",
        description="Whether keywords are text, or regular expressions (RE2 syntax: no "
        "backreferences, no look-around, linear time; boundaries are the pattern's to ask for).",
    )
    case_sensitive: bool = Field(default=False, description="Whether case matters.")
    fuzzy_match: bool = Field(
        default=False, description="Whether words that differ in a few letters match too."
    )
    fuzzy_threshold: int = Field(
        default=1,
        ge=1,
        le=3,
        description="How many letters may differ in a word, at most: none in words of up to three "
        "letters, one up to seven, two up to eleven.",
    )

    @model_validator(mode="after")
    def _is_searched_for_in_one_way(self) -> KeywordRule:
        if self.method == "regex" and self.fuzzy_match:
            raise ValueError("found fuzzy_match with method regex, expected one of the two")
        return self


class EmbeddingRule(NamedRule):
    """Phrases whose meaning tells what a prompt is about. Rules of one name work together."""

    example = """
embedding_rules:
  - category: it-support
    threshold: 0.4
    candidates:
      - My laptop does not start
      - I cannot log in to the VPN
"""

    threshold: float = Field(
        default=0.45,
        ge=-1,
        le=1,
        description="The similarity that is a match: 1 for the same meaning, about 0 for unrelated "
        "prompts, in any language. With the shipped model and ten phrases, 0.45 takes one "
        "unrelated exam question in five hundred and one unrelated everyday request in a hundred "
        "for a match. Lower it where other rules compete for what is unrelated.",
    )
    candidates: Many[str] = Field(default=(), description="The phrases.")
    keywords: Many[str] = Field(default=(), description="Another name for `candidates`.")
    aggregation_method: Literal["max", "mean", "avg", "any"] = Field(
        default="max",
        description="What is compared with the threshold: the best similarity (`max`, `any`) or "
        "the average of all (`mean`, `avg`).",
    )

    @property
    def phrases(self) -> tuple[str, ...]:
        """All candidates, whichever key they stand under."""
        return (*self.candidates, *self.keywords)


class DomainRule(Section):
    """A group of the domain model's labels under one name."""

    name: Name = Field(description="The name for conditions; a label or alias, or any name.")
    description: str = Field(default="", description="For the reader of the file.")
    mmlu_categories: Many[Name] = Field(
        default=(), description="Labels or aliases of the classifier that mean this domain too."
    )


class LanguageRule(Section):
    """One language or several under one name."""

    name: Name = Field(description="The name for conditions; a language code where no codes are.")
    description: str = Field(default="", description="For the reader of the file.")
    codes: Many[KnownLanguage] = Field(
        default=(), description="ISO 639-1 codes, such as `zh`; default: the name itself."
    )

    @model_validator(mode="after")
    def _means_some_language(self) -> LanguageRule:
        if not self.codes and self.name.lower() not in CODES:
            raise ValueError(
                f"found name {self.name!r} without codes, expected codes, or a name that is one"
                + did_you_mean(self.name, CODES)
            )
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages that the name stands for."""
        return self.codes or (self.name.lower(),)


class ContextRule(Section):
    """A range of prompt lengths."""

    name: Name = Field(description="The name for conditions.")
    description: str = Field(default="", description="For the reader of the file.")
    min_tokens: TokenCount = Field(
        default=0, ge=0, description="The shortest estimated length; `8K` means 8000."
    )
    max_tokens: TokenCount | None = Field(
        default=None, ge=1, description="The longest estimated length; default: no limit."
    )

    @model_validator(mode="after")
    def _holds_for_some_length(self) -> ContextRule:
        if self.max_tokens is not None and self.max_tokens < self.min_tokens:
            raise ValueError(
                f"found max_tokens {self.max_tokens} below min_tokens {self.min_tokens}, "
                "expected at least as many"
            )
        return self


class RequestMatch(Section):
    """Facts about a request that must all hold; a pattern may hold `*` for any characters."""

    model: Patterns = Field(default=(), description="The model that the client asks for.")
    path: Patterns = Field(default=(), description="The path, without its query.")
    headers: dict[ForwardedHeader, SomePatterns] = Field(
        default={},
        description="Header values by name; a header that is absent fits no pattern, not even "
        "`*`, and of a repeated one the first value counts. Envoy's configuration must be written "
        "anew when the names change.",
    )


class RequestRule(RequestMatch):
    """Facts about a request under one name."""

    example = """
signals:
  requests:
    - name: premium
      headers: {x-plan: [gold, platinum]}
    - name: screenshots
      images: true
"""

    name: Name = Field(description="The name for conditions.")
    description: str = Field(default="", description="For the reader of the file.")
    user: Patterns = Field(
        default=(),
        description="The body's `user`, failing that its `safety_identifier`; of `/v1/messages` "
        "the `user_id` in its `metadata`. A request without any fits no pattern, not even `*`.",
    )
    metadata: dict[str, SomePatterns] = Field(
        default={},
        description="Values of the body's `metadata` by key. What is beyond OpenAI's limits (16 "
        "texts of 512 characters, keys of 64) is as if it were absent.",
    )
    images: bool | None = Field(default=None, description="Whether there are images.")
    tools: bool | None = Field(default=None, description="Whether tools are offered.")
    json_mode: bool | None = Field(default=None, description="Whether JSON is asked for.")
    stream: bool | None = Field(default=None, description="Whether a stream is asked for.")

    @model_validator(mode="after")
    def _states_some_fact(self) -> RequestRule:
        facts = type(self).model_fields.keys() - {"name", "description"}
        if all(getattr(self, fact) in ((), {}, None) for fact in facts):
            raise ValueError(
                f"request {self.name!r} states no fact, expected some of {', '.join(sorted(facts))}"
            )
        return self


class Signals(Section):
    """Signals by kind, for the conditions of decisions."""

    example = """
signals:
  keywords:
    - name: contract
      keywords: [contract, 合同]
  embeddings:
    - name: refund
      candidates: [I want my money back]
  domains:
    - name: health
  language:
    - name: cjk
      codes: [zh, ja, ko]
  context:
    - name: long
      min_tokens: 8000
"""

    keywords: Many[KeywordRule] = Field(default=(), description="Keyword rules.")
    embeddings: Many[EmbeddingRule] = Field(default=(), description="Embedding rules.")
    domains: Many[DomainRule] = Field(default=(), description="Domains.")
    language: Many[LanguageRule] = Field(default=(), description="Languages.")
    context: Many[ContextRule] = Field(default=(), description="Ranges of prompt lengths.")
    requests: Many[RequestRule] = Field(default=(), description="Facts about the request.")
