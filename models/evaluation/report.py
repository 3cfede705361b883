"""Figures as people read them: Markdown tables, and the calibration plot."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Canvas

from models.evaluation.figures import (
    Figure,
    Judge,
    all_own_sets,
    calibration_error,
    labels_of,
    reliability,
    softmax,
    texts_of,
)
from models.evaluation.sets import Example
from models.labels import LABELS


def figure_table(figures: Sequence[Figure]) -> str:
    lines = ["| figure | target | reached | |", "|---|---|---|---|"]
    for figure in figures:
        sign = "≤" if figure.at_most else "≥"
        verdict = "yes" if figure.met else "**no**"
        lines.append(
            f"| {figure.name} | {sign} {figure.target:g} | {figure.reached:.3f} | {verdict} |"
        )
    return "\n".join(lines)


def class_table(judge: Judge) -> str:
    """Precision and recall per label, on the validation rows and on the sets written for
    evaluation.
    """
    lines = [
        "| label | valid: precision | recall | rows | own sets: precision | recall | rows |",
        "|---|---|---|---|---|---|---|",
    ]
    columns = [_per_class(judge, examples) for examples in (judge.valid(), all_own_sets())]
    for label, *cells in zip(LABELS, *columns, strict=True):
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _per_class(judge: Judge, examples: Sequence[Example]) -> list[str]:
    truth = labels_of(examples)
    said = judge.model.logits(texts_of(examples)).argmax(axis=1)
    cells = []
    for index in range(len(LABELS)):
        hits = ((said == index) & (truth == index)).sum()
        precision, recall = (
            hits / max((said == index).sum(), 1),
            hits / max((truth == index).sum(), 1),
        )
        cells.append(f"{precision:.2f} | {recall:.2f} | {(truth == index).sum()}")
    return cells


def plot_calibration(judge: Judge, path: Path) -> None:
    """Accuracy against confidence; the diagonal is perfect honesty, the area of a dot is its
    share of the texts.
    """
    canvas = Canvas(figsize=(9, 4.5), layout="constrained")
    for axes, (title, examples) in zip(
        canvas.subplots(1, 2),
        (("validation rows", judge.valid()), ("own sets", all_own_sets())),
        strict=True,
    ):
        shares, truth = softmax(judge.model.logits(texts_of(examples))), labels_of(examples)
        confidence, right, weight = np.array(reliability(shares, truth)).T
        axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
        axes.plot(confidence, right, color="tab:blue", linewidth=1)
        axes.scatter(confidence, right, s=20 + 600 * weight, color="tab:blue", alpha=0.6)
        axes.set(
            xlim=(0, 1.04),
            ylim=(-0.02, 1.04),
            xlabel="confidence",
            ylabel="accuracy",
            aspect="equal",
        )
        axes.set_title(
            f"{title}: {len(examples)} texts, ECE {calibration_error(shares, truth):.3f}"
        )
        axes.grid(alpha=0.3)
    canvas.savefig(path, dpi=110)
