"""Whether the classifier's files exist, and whether each category can be reached with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from router.config.labels import Vocabulary, find_path, labels_of, places, read_vocabulary
from router.config.problems import Path as KeyPath
from router.config.problems import listed, nearest
from router.config.report import Report
from router.config.schema import Category, Config

_MODEL = ("classifier", "category_model")


@dataclass(frozen=True, slots=True)
class ClassifierFiles:
    """The category model's directory, its mapping where the file names one, and its words."""

    directory: Path
    mapping: Path | None
    vocabulary: Vocabulary


def find_classifier(report: Report) -> ClassifierFiles | None:
    """The files of the category model, or None after reporting what is missing."""
    directory = _find(report, "model_id", directory=True)
    if directory is None:
        return None
    mapping = _find(report, "category_mapping_path", directory=False)
    if mapping is None and _name(report, "category_mapping_path"):
        return None
    try:
        vocabulary = read_vocabulary(directory, mapping)
    except (ValueError, OSError) as error:
        report.error((*_MODEL, "category_mapping_path" if mapping else "model_id"), str(error))
        return None
    return ClassifierFiles(directory, mapping, vocabulary)


def check_reach(report: Report, config: Config, files: ClassifierFiles | None) -> None:
    """Warn of categories that no prompt can reach, and of labels that do not exist."""
    if files is None:
        _warn_without_classifier(report, config)
        return
    for index, category in enumerate(config.categories):
        at = ("categories", index)
        _check_labels(report, at, category, files.vocabulary)
        if not labels_of(category, files.vocabulary.labels, files.vocabulary.aliases):
            report.warn((*at, "name"), _unreachable(category.name, files.vocabulary))


def _find(report: Report, key: str, *, directory: bool) -> Path | None:
    name = _name(report, key)
    if name is None:
        return None
    base = Path(report.file).parent
    found = find_path(name, base)
    if found is None:
        looked = ", ".join(dict.fromkeys(str(path.resolve()) for path in places(name, base)))
        what = "directory" if directory else "file"
        report.error((*_MODEL, key), f"no such {what}: looked for {looked}")
    elif found.is_dir() != directory:
        wrong, right = ("file", "directory") if directory else ("directory", "file")
        report.error((*_MODEL, key), f"found a {wrong}, expected a {right}: {found}")
        return None
    return found


def _name(report: Report, key: str) -> str | None:
    """The path written at `key`, where it is text at all: the schema complains of the rest."""
    return next((text for _, text in report.document.texts(*_MODEL, key) if text), None)


def _warn_without_classifier(report: Report, config: Config) -> None:
    if config.categories and config.classifier.category_model is None:
        report.warn(
            ("categories",),
            "no category can be reached without a classifier: every request that leaves the "
            "choice to the router goes to default_model; configure classifier.category_model",
            key=True,
        )


def _check_labels(report: Report, at: KeyPath, category: Category, vocabulary: Vocabulary) -> None:
    for position, word in enumerate(category.mmlu_categories):
        if not vocabulary.means(word):
            report.warn(
                (*at, "mmlu_categories", position),
                f"the classifier has no label or alias {word!r}{_known(word, vocabulary)}",
            )


def _unreachable(name: str, vocabulary: Vocabulary) -> str:
    return (
        f"category {name!r} cannot be reached: it is no label or alias of the classifier; name "
        f"the labels that it stands for under mmlu_categories{_known(name, vocabulary)}"
    )


def _known(word: str, vocabulary: Vocabulary) -> str:
    meant = nearest(word, [*vocabulary.labels, *vocabulary.aliases], similar=0.75)
    if meant:
        return f"; did you mean {meant!r}?"
    return f"; labels are {listed(vocabulary.labels, limit=20)}"
