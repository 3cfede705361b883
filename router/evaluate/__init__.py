"""`lora-router evaluate`: measure a classifier on labelled prompts.

Knows the command's arguments; leaves the data to `rows`, the figures to `scores` and how they look
to `tables`. What needs numpy or a model is imported when the command runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.encoder.onnx import OnnxModel
    from router.evaluate.rows import Data

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `main` reads."""
    parser.add_argument("data", type=Path, metavar="DATA.jsonl", help='rows {"text", "label"}')
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="model directory")
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="category mapping elsewhere")
    parser.add_argument("--json", action="store_true", help="all figures as JSON")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the confusion matrix")
    parser.add_argument(
        "--threshold", type=float, default=0.6, help="confidence that counts (default: 0.6)"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads for one text (default: 1)")
    parser.add_argument("--head-tokens", type=int, default=192, help="(default: 192)")
    parser.add_argument("--tail-tokens", type=int, default=64, help="(default: 64)")
    parser.add_argument("--gpu", action="store_true", help="run on CUDA")


def main(options: argparse.Namespace) -> int:
    """Print the figures; 2 if the data or the options cannot be used.

    Raises ModelFilesError for the model.
    """
    from router.evaluate.rows import read_rows

    if options.plot and importlib.util.find_spec("matplotlib") is None:
        return _refuse(["--plot needs matplotlib; install lora-router[plot]"])
    model = _load(options)
    if not model.labels:
        return _refuse([f"{options.model}: a sentence encoder without labels has no accuracy"])
    data = read_rows(options.data, model.labels)
    if data.problems:
        return _refuse(data.lines())
    _measure(options, model, data)
    return 0


def _load(options: argparse.Namespace) -> OnnxModel:
    from router.encoder.onnx import OnnxModel

    return OnnxModel.load(
        options.model,
        use_cpu=not options.gpu,
        head_tokens=options.head_tokens,
        tail_tokens=options.tail_tokens,
        threads=options.threads,
        mapping=options.mapping,
    )


def _measure(options: argparse.Namespace, model: OnnxModel, data: Data) -> None:
    from router.evaluate.scores import evaluate
    from router.evaluate.tables import draw, progress, write

    report = evaluate(model, progress(data.rows), threshold=options.threshold)
    if options.plot:
        draw(report, options.plot)
    if options.json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        write(report, sys.stdout)


def _refuse(lines: list[str]) -> int:
    print("\n".join(lines), file=sys.stderr)
    return 2
