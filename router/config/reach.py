"""Whether the classifier's files exist, and whether domains and categories mean anything to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from router.config.labels import Named, Vocabulary, find_path, labels_of, places, read_vocabulary
from router.config.problems import Path as KeyPath
from router.config.problems import listed, nearest
from router.config.references import undefined
from router.config.report import Report
from router.config.rules import asked_for, titles
from router.config.schema import Category, Config
from router.config.ways import Ways

_MODEL: KeyPath = ("classifier", "category_model")
_EMBEDDING: KeyPath = ("embedding_model",)


@dataclass(frozen=True, slots=True)
class ClassifierFiles:
    """The category model's directory, its mapping where the file names one, and its words."""

    directory: Path
    mapping: Path | None
    vocabulary: Vocabulary


def find_classifier(report: Report) -> ClassifierFiles | None:
    """The files of the category model, or None after reporting what is missing."""
    directory = _find(report, _MODEL, "model_id", directory=True)
    if directory is None:
        return None
    mapping = _find(report, _MODEL, "category_mapping_path", directory=False)
    if mapping is None and _name(report, _MODEL, "category_mapping_path"):
        return None
    try:
        vocabulary = read_vocabulary(directory, mapping)
    except (ValueError, OSError) as error:
        report.error((*_MODEL, "category_mapping_path" if mapping else "model_id"), str(error))
        return None
    return ClassifierFiles(directory, mapping, vocabulary)


def find_embedding_model(report: Report) -> Path | None:
    """The directory of the embedding model; None where there is none or it is reported missing."""
    return _find(report, _EMBEDDING, "model_id", directory=True)


def check_domains(report: Report, files: ClassifierFiles | None) -> None:
    """Report conditions on domains that do not exist. Works on plain values, as `trees` does."""
    if not any(True for _ in report.document.select("classifier", "category_model")):
        for path, _ in asked_for(report, "domain"):
            report.error(path, "no domain is found without classifier.category_model")
            return  # one is enough: the cause is elsewhere
    if files is None:
        return
    declared = [name for _, name in report.document.texts("categories", "*", "name")]
    declared += titles(report, "domain")
    vocabulary = files.vocabulary
    for path, name in asked_for(report, "domain"):
        if name not in declared and not vocabulary.means(name):
            known = [*declared, *vocabulary.labels, *vocabulary.aliases]
            where = "categories, signals.domains or the classifier's labels"
            report.error(path, undefined("domain", name, known, where))


def check_reach(report: Report, config: Config, ways: Ways) -> None:
    """Warn of categories that no prompt can reach, and of labels that do not exist."""
    if ways.vocabulary:
        _check_all_labels(report, config, ways.vocabulary)
    lost = [index for index, category in enumerate(config.categories) if not ways.of(category)]
    if lost and config.classifier.category_model is None and len(lost) == len(config.categories):
        _warn_without_classifier(report)
        return
    for index in lost:
        text = _unreachable(config.categories[index], ways)
        report.warn(("categories", index, "name"), text)


def _check_all_labels(report: Report, config: Config, vocabulary: Vocabulary) -> None:
    for index, category in enumerate(config.categories):
        _check_labels(report, ("categories", index), category, vocabulary)
    for index, domain in enumerate(config.signals.domains):
        at: KeyPath = ("signals", "domains", index)
        _check_labels(report, at, domain, vocabulary)
        if not labels_of(domain, vocabulary.labels, vocabulary.aliases):
            report.warn((*at, "name"), _meaningless(domain.name, vocabulary))


def _find(report: Report, at: KeyPath, key: str, *, directory: bool) -> Path | None:
    name = _name(report, at, key)
    if name is None:
        return None
    base = Path(report.file).parent
    found = find_path(name, base)
    if found is None:
        looked = ", ".join(dict.fromkeys(str(path.resolve()) for path in places(name, base)))
        what = "directory" if directory else "file"
        report.error((*at, key), f"no such {what}: looked for {looked}")
    elif found.is_dir() != directory:
        wrong, right = ("file", "directory") if directory else ("directory", "file")
        report.error((*at, key), f"found a {wrong}, expected a {right}: {found}")
        return None
    return found


def _name(report: Report, at: KeyPath, key: str) -> str | None:
    """The path written at `key`, where it is text at all: the schema complains of the rest."""
    return next((text for _, text in report.document.texts(*map(str, at), key) if text), None)


def _warn_without_classifier(report: Report) -> None:
    report.warn(
        ("categories",),
        "no category can be reached: there is no classifier, and neither a rule nor an mcp server "
        "names one; every request that is left to them goes to default_model; configure "
        "classifier.category_model",
        key=True,
    )


def _check_labels(report: Report, at: KeyPath, named: Named, vocabulary: Vocabulary) -> None:
    for position, word in enumerate(named.mmlu_categories):
        if not vocabulary.means(word):
            report.warn(
                (*at, "mmlu_categories", position),
                f"the classifier has no label or alias {word!r}{_known(word, vocabulary)}",
            )


def _unreachable(category: Category, ways: Ways) -> str:
    reasons, vocabulary = ["no keyword or embedding rule names it"], ways.vocabulary
    if vocabulary:
        reasons.insert(0, "it is no label or alias of the classifier")
    hint = "describe it, or write a rule for it"
    if not category.description:
        reasons.append("it has no description")
    elif not ways.has_encoder():
        reasons.append("nothing compares prompts with its description")
        hint = "configure embedding_model, or write a rule for it"
    else:
        reasons.append("classification_order leaves out what would find it")
        hint = "name the method there"
    if vocabulary:
        hint += f", or name its labels under mmlu_categories{_known(category.name, vocabulary)}"
    return f"category {category.name!r} cannot be reached: {', '.join(reasons)}; {hint}"


def _meaningless(name: str, vocabulary: Vocabulary) -> str:
    return (
        f"domain {name!r} is never found: it is no label or alias of the classifier; name its "
        f"labels under mmlu_categories{_known(name, vocabulary)}"
    )


def _known(word: str, vocabulary: Vocabulary) -> str:
    meant = nearest(word, [*vocabulary.labels, *vocabulary.aliases], similar=0.75)
    if meant:
        return f"; did you mean {meant!r}?"
    return f"; labels are {listed(vocabulary.labels, limit=20)}"
