"""How the parts of a configuration fit together: names that must differ, names that must exist.

Works on the plain values rather than the schema's, so that a file with other faults is checked as
far as it can be and everything is reported in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from router.config.problems import Path, did_you_mean, listed
from router.config.report import Report
from router.config.schema import BUILT_IN_FAMILIES, Config
from router.config.shape import fields_of

# Where one of several models may be chosen.
CHOICES = (("categories", "*", "model_scores", "*"), ("decisions", "*", "modelRefs", "*"))

_ENDPOINT_NAMES = ("vllm_endpoints", "*", "name")
_LORAS = ("loras", "*", "name")
_ADAPTER_NAMES = ("model_config", "*", *_LORAS)


def check_references(report: Report) -> None:
    """Report every name that clashes, dangles or misleads."""
    for check in CHECKS:
        check(report)


def models_of(report: Report) -> list[str]:
    """The names of the base models."""
    models = report.document.data.get("model_config")
    return list(models) if isinstance(models, dict) else []


def adapters_of(report: Report) -> dict[str, str]:
    """Base model by adapter name."""
    return {name: str(path[1]) for path, name in report.document.texts(*_ADAPTER_NAMES)}


def endpoints_of(report: Report) -> list[str]:
    """The names of the endpoints."""
    return [name for _, name in report.document.texts(*_ENDPOINT_NAMES)]


def _unique_endpoints(report: Report) -> None:
    unique(report, report.document.texts(*_ENDPOINT_NAMES), "endpoint")


def _unique_categories(report: Report) -> None:
    unique(report, report.document.texts("categories", "*", "name"), "category", str.casefold)


def _unique_methods(report: Report) -> None:
    unique(report, report.document.texts("classification_order", "*"), "method")


def _unique_decisions(report: Report) -> None:
    unique(report, report.document.texts("decisions", "*", "name"), "decision")


def _unique_adapters(report: Report) -> None:
    unique(report, report.document.texts(*_ADAPTER_NAMES), "adapter")


def _unique_preferences(report: Report) -> None:
    for at, _ in report.document.select("model_config", "*", "preferred_endpoints"):
        named = report.document.texts("model_config", str(at[1]), "preferred_endpoints", "*")
        unique(report, named, "endpoint")


def unique(
    report: Report,
    names: Iterable[tuple[Path, str]],
    what: str,
    fold: Callable[[str], str] = str,
) -> None:
    """Report each of `names` that is there already; `fold` makes those equal that must not be."""
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
    models = models_of(report)
    auto = auto_names(report)
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


def auto_names(report: Report) -> tuple[Any, ...]:
    """The names that ask the router to choose, as they are written."""
    default = fields_of(Config)["auto_model_name"].default
    return ("auto", report.document.data.get("auto_model_name", default))


def _known_endpoints(report: Report) -> None:
    known = endpoints_of(report)
    for path, name in report.document.texts("model_config", "*", "preferred_endpoints", "*"):
        if name not in known:
            report.error(path, undefined("endpoint", name, known, "vllm_endpoints"))


def _chosen(report: Report, key: str) -> Iterator[tuple[Path, str]]:
    """The texts at `key` wherever a model may be chosen."""
    for pattern in CHOICES:
        yield from report.document.texts(*pattern, key)


def _known_models(report: Report) -> None:
    models, adapters = models_of(report), adapters_of(report)
    for path, name in _chosen(report, "model"):
        if name in adapters and name not in models:
            base = adapters[name]
            report.error(
                path,
                f"{name!r} is an adapter of {base!r}, expected a base model; "
                f"write model: {base} and lora_name: {name}",
            )
        elif name not in models:
            report.error(path, undefined("model", name, models, "model_config"))


def _known_adapters(report: Report) -> None:
    owners = adapters_of(report)
    loras: dict[str, list[str]] = {model: [] for model in models_of(report)}
    for path, name in report.document.texts(*_ADAPTER_NAMES):
        loras[str(path[1])].append(name)
    known = {(model, name) for model, names in loras.items() for name in names}
    for path, name in _chosen(report, "lora_name"):
        model = report.document.get(path[:-1]).get("model")
        if isinstance(model, str) and model in loras and (model, name) not in known:
            report.error(path, _undefined_adapter(name, model, loras[model], owners.get(name)))


def _undefined_adapter(name: str, model: str, loras: list[str], owner: str | None) -> str:
    if owner is not None:
        return f"adapter {name!r} belongs to model {owner!r}, not to {model!r}"
    return undefined("adapter", name, loras, f"the loras of model {model!r}")


def _known_default(report: Report) -> None:
    known = [*models_of(report), *adapters_of(report)]
    for path, name in report.document.texts("default_model"):
        if name not in known:
            report.error(path, undefined("model or adapter", name, known, "model_config"))


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


def undefined(what: str, name: str, known: Collection[str], where: str) -> str:
    """That nothing of that name is there, with the nearest name or all of them."""
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
    _unique_decisions,
    _unique_methods,
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
