"""How one of several models is chosen: settings that do what their author thinks.

Works on a configuration that fits the schema; names in it may still lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from router.config.decisions import ModelChoice, ModelRefSettings, ModelScore, ModelSelection
from router.config.problems import Path, listed
from router.config.report import Report
from router.config.schema import Config

_SETTINGS = "model_selection"
# The strategy that each setting is for.
_FOR = {"sticky_key": "weighted", "quality_floor": "cheapest"}


@dataclass(frozen=True, slots=True)
class Chooser:
    """A decision or category that chooses: its place, that of its models, its own settings."""

    at: Path
    entries_at: Path
    entries: tuple[ModelChoice, ...]
    own: ModelSelection | None
    shared: ModelSelection

    @property
    def strategy(self) -> str:
        """The own strategy, then the file's, then what the entries suggest."""
        named = (self.own and self.own.strategy) or self.shared.strategy
        weighted = any(entry.weight is not None for entry in self.entries)
        return named or ("weighted" if weighted else "best")

    @property
    def quality_floor(self) -> float:
        """The decision's own, then the file's."""
        own = self.own.quality_floor if self.own else None
        return (self.shared.quality_floor if own is None else own) or 0.0


def check_choice(report: Report, config: Config) -> None:
    """Report choices that cannot be made, and settings that change none."""
    choosers = list(_choosers(config))
    for chooser in choosers:
        _check_weights(report, chooser)
        if chooser.strategy == "cheapest":
            _check_prices(report, chooser, config)
            _check_floor(report, chooser)
        if chooser.own is not None:
            _check_effect(report, (*chooser.at, _SETTINGS), chooser.own, {chooser.strategy})
    _check_effect(report, (_SETTINGS,), config.model_selection, {c.strategy for c in choosers})


def _choosers(config: Config) -> Iterator[Chooser]:
    shared = config.model_selection
    for index, decision in enumerate(config.decisions):
        at: Path = ("decisions", index)
        entries: tuple[ModelChoice, ...] = decision.model_refs
        yield Chooser(at, (*at, "modelRefs"), entries, decision.model_selection, shared)
    for index, category in enumerate(config.categories):
        at = ("categories", index)
        entries = category.model_scores
        yield Chooser(at, (*at, "model_scores"), entries, category.model_selection, shared)


def _check_weights(report: Report, chooser: Chooser) -> None:
    entries = chooser.entries
    if chooser.strategy == "weighted":
        if all(entry.weight == 0 for entry in entries):
            text = "every model here has weight 0, expected one that has more"
            report.error(chooser.entries_at, text)
        return
    for index, entry in enumerate(entries):
        if entry.weight is not None:
            report.warn(
                (*chooser.entries_at, index, "weight"),
                f"has no effect: the strategy is {chooser.strategy}, not weighted",
                key=True,
            )


def _check_prices(report: Report, chooser: Chooser, config: Config) -> None:
    """The cheapest can be told only where all prices are there, in one currency."""
    currencies = set()
    for index, entry in enumerate(chooser.entries):
        model = config.models.get(entry.model)
        if model is not None and model.pricing is None:
            report.warn(
                (*chooser.entries_at, index, "model"),
                f"model {entry.model!r} has no pricing, so that it counts as the dearest",
            )
        elif model is not None and model.pricing is not None:
            currencies.add(model.pricing.currency)
    if len(currencies) > 1:
        report.error(
            chooser.entries_at,
            f"found prices in {listed(sorted(currencies))}, expected one currency: the strategy "
            "is cheapest",
        )


def _check_floor(report: Report, chooser: Chooser) -> None:
    scores = [
        entry.score for entry in chooser.entries if isinstance(entry, ModelScore | ModelRefSettings)
    ]
    floor = chooser.quality_floor
    if max(scores) < floor:
        report.warn(
            chooser.entries_at,
            f"no score reaches the quality_floor of {floor:g}, so that the highest is chosen "
            "whatever it costs",
        )


def _check_effect(report: Report, at: Path, settings: ModelSelection, used: set[str]) -> None:
    for key in settings.model_fields_set & _FOR.keys():
        if _FOR[key] not in used:
            report.warn(
                (*at, key), f"has no effect: nothing here has the strategy {_FOR[key]}", key=True
            )
