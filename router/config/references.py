"""How the parts of a configuration fit together: names that must differ, names that must exist.

Works on the plain values rather than the schema's, so that a file with other faults is checked as
far as it can be and everything is reported in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from router.config.problems import Path, did_you_mean, listed
from router.config.report import Report
from router.config.schema import BUILT_IN_FAMILIES, Config
from router.config.shape import fields_of

_ENDPOINT_NAMES = ("vllm_endpoints", "*", "name")
_LORAS = ("loras", "*", "name")
_ADAPTER_NAMES = ("model_config", "*", *_LORAS)


def check_references(report: Report) -> None:
    """Report every name that clashes, dangles or misleads."""
    for check in CHECKS:
        check(report)


def _models(report: Report) -> list[str]:
    models = report.document.data.get("model_config")
    return list(models) if isinstance(models, dict) else []


def _adapters(report: Report) -> dict[str, str]:
    """Base model by adapter name."""
    return {name: str(path[1]) for path, name in report.document.texts(*_ADAPTER_NAMES)}


def _unique_endpoints(report: Report) -> None:
    _unique(report, report.document.texts(*_ENDPOINT_NAMES), "endpoint", str)


def _unique_categories(report: Report) -> None:
    _unique(report, report.document.texts("categories", "*", "name"), "category", str.casefold)


def _unique_adapters(report: Report) -> None:
    _unique(report, report.document.texts(*_ADAPTER_NAMES), "adapter", str)


def _unique_preferences(report: Report) -> None:
    for at, _ in report.document.select("model_config", "*", "preferred_endpoints"):
        named = report.document.texts("model_config", str(at[1]), "preferred_endpoints", "*")
        _unique(report, named, "endpoint", str)


def _unique(
    report: Report,
    names: Iterable[tuple[Path, str]],
    what: str,
    fold: Callable[[str], str],
) -> None:
    first: dict[str, Path] = {}
    for path, name in names:
        earlier = first.setdefault(fold(name), path)
        if earlier != path:
            line = report.document.value_position(earlier).line
            report.error(
                path, f"{what} {name!r} is already named on line {line}; names must differ"
            )


def _names_of_their_own(report: Report) -> None:
    """Clients ask for base models, adapters and auto names alike: each must mean one thing."""
    models = _models(report)
    auto = _auto_names(report)
    for path, name in report.document.texts(*_ADAPTER_NAMES):
        if name in models:
            report.error(path, f"adapter {name!r} has the name of a base model; names must differ")
        if name in auto:
            report.error(path, f"adapter {name!r} has the name that asks the router to choose")
    for name in models:
        if name in auto:
            at = ("model_config", name)
            report.error(
                at, f"model {name!r} has the name that asks the router to choose", key=True
            )


def _auto_names(report: Report) -> tuple[Any, ...]:
    default = fields_of(Config)["auto_model_name"].default
    return ("auto", report.document.data.get("auto_model_name", default))


def _known_endpoints(report: Report) -> None:
    known = [name for _, name in report.document.texts(*_ENDPOINT_NAMES)]
    for path, name in report.document.texts("model_config", "*", "preferred_endpoints", "*"):
        if name not in known:
            report.error(path, _undefined("endpoint", name, known, "vllm_endpoints"))


def _known_models(report: Report) -> None:
    models, adapters = _models(report), _adapters(report)
    for path, name in report.document.texts("categories", "*", "model_scores", "*", "model"):
        if name in adapters and name not in models:
            base = adapters[name]
            report.error(
                path,
                f"{name!r} is an adapter of {base!r}, expected a base model; "
                f"write model: {base} and lora_name: {name}",
            )
        elif name not in models:
            report.error(path, _undefined("model", name, models, "model_config"))


def _known_adapters(report: Report) -> None:
    owners = _adapters(report)
    for path, name in report.document.texts("categories", "*", "model_scores", "*", "lora_name"):
        model = report.document.get(path[:-1]).get("model")
        loras = [lora for _, lora in report.document.texts("model_config", str(model), *_LORAS)]
        if model in _models(report) and name not in loras:
            report.error(path, _undefined_adapter(name, model, loras, owners.get(name)))


def _undefined_adapter(name: str, model: str, loras: list[str], owner: str | None) -> str:
    if owner is not None:
        return f"adapter {name!r} belongs to model {owner!r}, not to {model!r}"
    return _undefined("adapter", name, loras, f"the loras of model {model!r}")


def _known_default(report: Report) -> None:
    known = [*_models(report), *_adapters(report)]
    for path, name in report.document.texts("default_model"):
        if name not in known:
            report.error(path, _undefined("model or adapter", name, known, "model_config"))


def _some_weight(report: Report) -> None:
    """A weighted choice needs somebody to choose: not all weights may be 0."""
    weights = {
        name: report.document.get(path[:-1]).get("weight", 1)
        for path, name in report.document.texts(*_ENDPOINT_NAMES)
    }
    if weights and not any(weights.values()):
        report.error(("vllm_endpoints",), "every endpoint has weight 0, expected one that has more")
        return
    for path, preferred in report.document.select("model_config", "*", "preferred_endpoints"):
        named = [weights[name] for _, name in _texts_of(preferred) if name in weights]
        if named and not any(named):
            report.error(path, "every endpoint here has weight 0, expected one that has more")


def _texts_of(value: Any) -> list[tuple[int, str]]:
    entries = enumerate(value) if isinstance(value, list) else ()
    return [(index, entry) for index, entry in entries if isinstance(entry, str)]


def _known_families(report: Report) -> None:
    configured = report.document.data.get("reasoning_families")
    known = {*BUILT_IN_FAMILIES, *(configured if isinstance(configured, dict) else {})}
    for path, name in report.document.texts("model_config", "*", "reasoning_family"):
        if name not in known:
            report.warn(
                path,
                f"reasoning family {name!r} is not defined, so that nothing is said to the model "
                f"about reasoning; known are {listed(sorted(known))}; "
                "define it under reasoning_families or remove the key",
            )


def _without_effect(report: Report) -> None:
    for key, always in _ALWAYS.items():
        if report.document.data.get(key) is False:
            report.warn((key,), f"false has no effect: {always}")


def check_deadlines(report: Report, config: Config) -> None:
    """Warn where Envoy gives up on answers that the classifier may still be working on."""
    model = config.classifier.category_model
    if model and config.envoy.message_timeout_ms <= model.timeout_ms:
        report.warn(
            ("envoy", "message_timeout_ms"),
            f"envoy waits {config.envoy.message_timeout_ms} ms for an answer, expected more than "
            f"the {model.timeout_ms} ms of classifier.category_model.timeout_ms",
        )


def _undefined(what: str, name: str, known: list[str], where: str) -> str:
    hint = did_you_mean(name, known)
    if not hint and known:
        hint = f"; known are {listed(known)}"
    return f"{what} {name!r} is not defined under {where}{hint}"


_ALWAYS = {
    "clear_route_cache": "envoy is always told to choose its route anew",
    "include_config_models_in_list": "/v1/models always lists models and adapters",
}
CHECKS: tuple[Callable[[Report], None], ...] = (
    _unique_endpoints,
    _unique_categories,
    _unique_adapters,
    _unique_preferences,
    _names_of_their_own,
    _known_endpoints,
    _known_models,
    _known_adapters,
    _known_default,
    _some_weight,
    _known_families,
    _without_effect,
)
