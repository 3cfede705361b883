"""`python -m models.evaluation`: recompute the model card's figures, its per-class table and its
calibration plot.
"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from models.evaluation.figures import Figure, Judge
from models.evaluation.report import class_table, figure_table, plot_calibration
from models.running import DomainModel


def main() -> int:
    options = _options()
    model = DomainModel.load(options.model, threads=1)
    fp32 = (
        DomainModel.of(options.fp32.read_bytes(), (options.model / "tokenizer.json").read_text())
        if options.fp32
        else None
    )
    judge = Judge(model, options.data, fp32)
    figures: list[Figure] = list(tqdm(judge.figures(), desc="figures", unit="", leave=False))
    if options.json:
        print(json.dumps([{**asdict(figure), "met": figure.met} for figure in figures], indent=2))
    else:
        print(figure_table(figures))
    if options.classes:
        print(class_table(judge))
    if options.plot:
        plot_calibration(judge, options.plot)
    return 0 if all(figure.met for figure in figures) else 1


def _options() -> argparse.Namespace:
    default = Path(os.environ.get("DOMAIN_DATA", "../shared/data/domain")).parent
    parser = argparse.ArgumentParser(prog="python -m models.evaluation", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("models/mom-domain-classifier"))
    parser.add_argument(
        "--data", type=Path, default=default, help="folder that holds domain/ and embedding/"
    )
    parser.add_argument(
        "--fp32", type=Path, help="the unquantised graph, kept by the training command's --fp32"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--classes", action="store_true", help="also print precision and recall per class"
    )
    parser.add_argument("--plot", type=Path, help="write the calibration plot here")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
