"""How a report looks: tables, a progress bar, a picture.

Knows terminals and matplotlib; leaves what the figures mean to `scores`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import track
from rich.table import Table

from router.evaluate.rows import Row
from router.evaluate.scores import Report


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table before it is drawn; the first column is text, the others are figures."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def progress(rows: Sequence[Row]) -> Iterable[Row]:
    """The rows, behind a progress bar on a terminal."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        return rows
    return track(rows, description="evaluating", console=console, transient=True)


def write(report: Report, file: TextIO) -> None:
    """Drawn tables on a terminal, aligned columns elsewhere."""
    if file.isatty():
        console = Console(file=file)
        for sheet in sheets(report):
            console.print(_drawn(sheet))
        return
    file.write("\n\n".join(_aligned(sheet) for sheet in sheets(report)) + "\n")


def sheets(report: Report) -> list[Sheet]:
    """A report in the order in which one reads it; empty tables are left out."""
    classes = [
        (c.label, _share(c.precision), _share(c.recall), _share(c.f1), str(c.support))
        for c in report.classes
    ]
    confusions = [(f"{c.label} -> {c.predicted}", str(c.count)) for c in report.confusions]
    latencies = [
        (one.tokens, str(one.count), f"{one.p50_ms:.2f}", f"{one.p99_ms:.2f}")
        for one in report.latencies
    ]
    made = [
        Sheet("summary", ("figure", "value"), _summary(report)),
        Sheet("classes", ("label", "precision", "recall", "f1", "rows"), classes),
        Sheet("most frequent confusions", ("label -> predicted", "rows"), confusions),
        Sheet("latency of one text, ms", ("tokens", "rows", "p50", "p99"), latencies),
    ]
    return [sheet for sheet in made if sheet.rows]


def draw(report: Report, path: Path) -> None:
    """Write the confusion matrix as a PNG: shares of each label's rows, counts in the cells."""
    import numpy as np
    from matplotlib.figure import Figure

    counts = np.array(report.confusion_matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2 + 0.5 * len(report.labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(report.labels))
    axes.set_xticks(ticks, report.labels, rotation=90)
    axes.set_yticks(ticks, report.labels)
    axes.set(xlabel="predicted", ylabel="label", title=f"accuracy {_share(report.accuracy)}")
    for row, column in np.argwhere(counts):
        shade = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, counts[row, column], ha="center", va="center", color=shade, size=8)
    figure.savefig(path, format="png", dpi=120)


def _summary(report: Report) -> list[tuple[str, ...]]:
    above = report.accuracy_above_threshold
    return [
        ("rows", str(report.rows)),
        ("accuracy", _share(report.accuracy)),
        ("macro-F1", _share(report.macro_f1)),
        ("expected calibration error", _share(report.expected_calibration_error)),
        (f"share with confidence >= {report.threshold:g}", _share(report.share_above_threshold)),
        ("accuracy of that share", "-" if above is None else _share(above)),
        ("texts truncated", str(report.truncated)),
    ]


def _share(value: float) -> str:
    return f"{value:.4f}"


def _drawn(sheet: Sheet) -> Table:
    table = Table(title=sheet.title, title_justify="left")
    for number, head in enumerate(sheet.heads):
        table.add_column(head, justify="right" if number else "left")
    for row in sheet.rows:
        table.add_row(*row)
    return table


def _aligned(sheet: Sheet) -> str:
    lines = [sheet.heads, *sheet.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(sheet.heads))]
    return "\n".join([sheet.title, *(_line(line, widths) for line in lines)])


def _line(cells: tuple[str, ...], widths: Sequence[int]) -> str:
    first, *figures = zip(cells, widths, strict=True)
    name = first[0].ljust(first[1])
    return "  ".join([name, *(cell.rjust(width) for cell, width in figures)])
