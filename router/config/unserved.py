"""What of the wider semantic-router family this version accepts without serving it.

A configuration that was written for a relative still loads, and says once for each such key or
plugin that it has no effect here. Everything else that the schema does not know is an error; where
the family's word for it is known, the error says what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from router.config.problems import Path
from router.config.report import Report

_TOP = (
    "api",
    "bert_model",
    "complexity_rules",
    "config_source",
    "external_models",
    "fact_check_rules",
    "feedback_detector",
    "hallucination_mitigation",
    "jailbreak_mapping_path",
    "listeners",
    "modality_rules",
    "mom_registry",
    "observability",
    "preference_rules",
    "prompt_guard",
    "providers",
    "response_api",
    "role_bindings",
    "semantic_cache",
    "structure_rules",
    "tools",
    "user_feedback_rules",
    "version",
)
_CLASSIFIER = ("pii_mapping_path", "pii_model", "preference_model")
_CATEGORY = (
    "jailbreak_enabled",
    "jailbreak_threshold",
    "pii_enabled",
    "pii_threshold",
    "semantic_cache_enabled",
    "semantic_cache_similarity_threshold",
)
_SCORE_KEYS = ("reasoning_description", "reasoning_effort", "use_reasoning")
_KEYWORD = ("bm25_threshold", "ngram_arity", "ngram_threshold")
_EMBEDDING = ("dimension", "latency_priority", "model", "quality_priority")
_SIGNALS = (
    "authz",
    "complexity",
    "fact_check",
    "jailbreak",
    "kb",
    "modality",
    "pii",
    "preferences",
    "reasks",
    "role_bindings",
    "structure",
    "user_feedbacks",
)
_DECISION = ("algorithm", "modelSelectionAlgorithm", "tier")
_MODEL = ("access_key", "capabilities", "param_size", "pii_policy", "quality_score")

# Key by path, `*` for any index or name, and what to write instead where there is something.
UNSERVED: dict[tuple[str, ...], str] = {
    **{(key,): "" for key in _TOP},
    ("context_rules",): "write them under signals.context",
    ("embedding_models",): "name a sentence encoder under embedding_model",
    ("language_rules",): "write them under signals.language",
    **{("classifier", key): "" for key in _CLASSIFIER},
    ("classifier", "category_model", "fallback_category"): "a request without category goes to "
    "default_model",
    **{("categories", "*", key): "" for key in _CATEGORY},
    **{("categories", "*", key): f"set {key} in model_scores" for key in _SCORE_KEYS},
    **{("keyword_rules", "*", key): "" for key in _KEYWORD},
    **{("signals", "keywords", "*", key): "" for key in _KEYWORD},
    **{("embedding_rules", "*", key): "" for key in _EMBEDDING},
    **{("signals", "embeddings", "*", key): "" for key in _EMBEDDING},
    **{("signals", key): "" for key in _SIGNALS},
    **{("decisions", "*", key): "" for key in _DECISION},
    ("vllm_endpoints", "*", "models"): "name the endpoint in a model's preferred_endpoints",
    **{("model_config", "*", key): "" for key in _MODEL},
    ("model_config", "*", "context_window_size"): "write max_model_len",
}

PLUGINS = ("decisions", "*", "plugins", "*")
UNSERVED_PLUGINS = frozenset(
    {
        "content-safety",
        "fast_response",
        "hallucination",
        "image_gen",
        "jailbreak",
        "memory",
        "pii",
        "rag",
        "request_params",
        "response_jailbreak",
        "router_replay",
        "semantic-cache",
        "semantic_cache",
        "tool_selection",
        "tools",
    }
)

# What the family writes where this version has another word, or none.
_RENAMED: dict[tuple[str, ...], str] = {
    (*PLUGINS, "configuration", "prompt"): "write system_prompt",
    (*PLUGINS, "configuration", "headers"): "write add, update or delete",
}
# What the family leaves out where this version wants it.
_LEFT_OUT: dict[tuple[str, ...], str] = {
    ("categories", "*", "model_scores"): "a category that only decisions ask for goes under "
    "signals.domains",
}
_UNSERVED_SIGNALS = (
    "authz",
    "complexity",
    "conversation",
    "event",
    "fact_check",
    "jailbreak",
    "kb",
    "modality",
    "pii",
    "preference",
    "projection",
    "reask",
    "structure",
    "user_feedback",
)
_INSTEAD: dict[tuple[str, str], str] = {
    **{
        ("type", signal): "this version has no such signal, so that a rule over it could never "
        "be right"
        for signal in _UNSERVED_SIGNALS
    },
    ("method", "bm25"): "keywords are not ranked here: name more of them, or describe the meaning "
    "in embedding_rules",
    ("method", "ngram"): "for misspelt words set fuzzy_match",
}


def set_aside(report: Report) -> None:
    """Take what is not served out of the document, with one warning for each key and plugin."""
    for pattern, instead in UNSERVED.items():
        places = [path for path, _ in report.document.select(*pattern)]
        if places:
            report.warn(places[0], _warning("", len(places), instead), key=True)
        _drop(report, places)
    _set_plugins_aside(report)


def _set_plugins_aside(report: Report) -> None:
    unserved = [
        (kind, path[:-1])
        for path, kind in report.document.texts(*PLUGINS, "type")
        if kind in UNSERVED_PLUGINS
    ]
    for kind, group in groupby(
        sorted(unserved, key=lambda found: found[0]), lambda found: found[0]
    ):
        places = [path for _, path in group]
        report.warn(places[0], _warning(f"plugin {kind!r} is ", len(places), ""))
    _drop(report, [path for _, path in unserved])


def _drop(report: Report, places: Iterable[Path]) -> None:
    for path in reversed(list(places)):  # the last first: entries of a list move up
        report.document.drop(path)


def unserved_in(path: Path) -> Iterator[str]:
    """The unserved keys that may stand in the mapping at `path`."""
    for pattern in UNSERVED:
        if _fits(path, pattern[:-1]):
            yield pattern[-1]


def instead_of_key(path: Path) -> str | None:
    """What to write instead of the key at `path`, which a relative knows."""
    return next((text for pattern, text in _RENAMED.items() if _fits(path, pattern)), None)


def instead_of_missing(path: Path) -> str | None:
    """What to do where a relative needs no key at `path`."""
    return next((text for pattern, text in _LEFT_OUT.items() if _fits(path, pattern)), None)


def instead_of_choice(path: Path, value: object) -> str | None:
    """What to write instead of `value` at `path`, which a relative takes there."""
    key = path[-1] if path else ""
    return _INSTEAD.get((key, value)) if isinstance(key, str) and isinstance(value, str) else None


def _fits(path: Path, pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(
        step in ("*", at) for step, at in zip(pattern, path, strict=True)
    )


def _warning(what: str, places: int, instead: str) -> str:
    times = f" (written {places} times)" if places > 1 else ""
    hint = f"; {instead}" if instead else ""
    return f"{what}not served by this version and has no effect{times}{hint}"
