"""Keys of the wider semantic-router family that this version accepts without serving them.

A configuration that was written for a relative still loads, and says once for each key that it has
no effect here. Everything else that the schema does not know is an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.config.problems import Path
from router.config.report import Report

_TOP = (
    "api",
    "bert_model",
    "config_source",
    "decisions",
    "embedding_models",
    "embedding_rules",
    "external_models",
    "fact_check_rules",
    "feedback_detector",
    "hallucination_mitigation",
    "jailbreak_mapping_path",
    "keyword_rules",
    "listeners",
    "mom_registry",
    "observability",
    "preference_rules",
    "prompt_guard",
    "providers",
    "response_api",
    "routing_rules",
    "semantic_cache",
    "signals",
    "strategy",
    "tools",
    "user_feedback_rules",
    "version",
)
_CLASSIFIER = ("mcp_category_model", "pii_mapping_path", "pii_model", "preference_model")
_CATEGORY = (
    "jailbreak_enabled",
    "jailbreak_threshold",
    "pii_enabled",
    "pii_threshold",
    "semantic_cache_enabled",
    "semantic_cache_similarity_threshold",
)
_SCORE_KEYS = ("reasoning_description", "reasoning_effort", "use_reasoning")

# Key by path, `*` for any index or name, and what to write instead where there is something.
UNSERVED: dict[tuple[str, ...], str] = {
    **{(key,): "" for key in _TOP},
    **{("classifier", key): "" for key in _CLASSIFIER},
    ("classifier", "category_model", "fallback_category"): "a request without category goes to "
    "default_model",
    **{("categories", "*", key): "" for key in _CATEGORY},
    **{("categories", "*", key): f"set {key} in model_scores" for key in _SCORE_KEYS},
    ("vllm_endpoints", "*", "models"): "name the endpoint in a model's preferred_endpoints",
    ("model_config", "*", "access_key"): "",
    ("model_config", "*", "pii_policy"): "",
}


def set_aside(report: Report) -> None:
    """Take the unserved keys out of the document, with one warning for each."""
    for pattern, instead in UNSERVED.items():
        places = [path for path, _ in report.document.select(*pattern)]
        if places:
            report.warn(places[0], _warning(len(places), instead), key=True)
        for path in places:
            report.document.drop(path)


def unserved_in(path: Path) -> Iterator[str]:
    """The unserved keys that may stand in the mapping at `path`."""
    for *parent, key in UNSERVED:
        if len(parent) == len(path) and all(
            step in ("*", at) for step, at in zip(parent, path, strict=True)
        ):
            yield key


def _warning(places: int, instead: str) -> str:
    times = f" (written {places} times)" if places > 1 else ""
    hint = f"; {instead}" if instead else ""
    return f"not served by this version and has no effect{times}{hint}"
