"""The findings on one file, gathered while it is read: errors, and warnings that stop nobody."""

from __future__ import annotations

from dataclasses import dataclass, field

from router.config.document import Document
from router.config.problems import Path, Problem, path_text


@dataclass
class Report:
    """What was found in `document`; `file` is its name as the user wrote it."""

    file: str
    document: Document
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, path: Path, text: str, *, key: bool = False) -> None:
        """The configuration cannot be used. `key`: the fault is the key itself, not its value.

        A value that could not even be read has been complained of already.
        """
        if key or self.document.original(path) not in self.document.unreadable:
            self.errors.append(self._problem(path, text, key))

    def warn(self, path: Path, text: str, *, key: bool = False) -> None:
        """The configuration works, but not as its author may think."""
        self.warnings.append(self._problem(path, text, key))

    def error_lines(self) -> list[str]:
        """One line for each error, in file order."""
        return [problem.line(self.file) for problem in sorted(set(self.errors))]

    def warning_lines(self, label: str = "") -> list[str]:
        """One line for each warning, in file order."""
        return [problem.line(self.file, label) for problem in sorted(set(self.warnings))]

    def _problem(self, path: Path, text: str, key: bool) -> Problem:
        locate = self.document.key_position if key else self.document.value_position
        return Problem(locate(path), path_text(self.document.original(path)), text)
