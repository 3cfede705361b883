"""YAML text to a document: safe, bounded, with variables replaced and oddities reported.

Nothing in a file can make it run code, and none can grow beyond a bound by repeating anchors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from router.config.document import START, Document
from router.config.environment import refers, substitute
from router.config.problems import Path, Position, Problem, path_text
from router.config.scalars import plain

MAX_VALUES = 250_000
MAX_DEPTH = 64

_PLAIN = "plain"
_TEXT = "tag:yaml.org,2002:str"
_MERGE = "<<"
_CORE_TAGS = {
    _PLAIN,
    _TEXT,
    *(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "int", "float", "bool", "null")),
}
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Composer(_Loader):  # type: ignore[misc]  # the C loader where PyYAML was built with it
    """PyYAML up to its node graph; unquoted scalars are tagged as such."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return "tag:yaml.org,2002:map" if kind is yaml.MappingNode else "tag:yaml.org,2002:seq"


def parse(text: str, environ: Mapping[str, str]) -> Document:
    """Read YAML text. What is wrong with it is in the result's `problems`."""
    document = Document()
    builder = _Builder(document, environ)
    try:
        _check_depth(text)
        document.data = builder.root(_Composer(text).get_single_node())
    except yaml.YAMLError as error:
        document.problems.append(_syntax_problem(error, text))
    except _TooBigError:
        builder.complain(
            START, (), f"found more than {MAX_VALUES} values or {MAX_DEPTH} levels; expected fewer"
        )
    return document


class _TooBigError(Exception):
    """The file's values, anchors expanded, exceed a bound."""


def _check_depth(text: str) -> None:
    """Refuse depths that would overflow the composer's stack; events come without recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _TooBigError


class _Builder:
    """Turns one node graph into values, noting positions and problems in the document."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self._count = 0
        self._open: set[int] = set()

    def complain(self, position: Position, path: Path, text: str) -> None:
        self._document.problems.append(Problem(position, path_text(path), text))

    def root(self, node: yaml.Node | None) -> dict[str, Any]:
        if node is None:
            self.complain(START, (), "the file is empty; expected a configuration")
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.complain(_position(node), (), f"found {_kind(node)}, expected a mapping of keys")
            return {}
        root: dict[str, Any] = self._collection(node, ())
        return root

    def _build(self, node: yaml.Node, path: Path) -> Any:
        self._document.values[path] = _position(node)
        if id(node) in self._open:
            return self._unreadable(node, path, "found an anchor that contains itself")
        if node.tag not in _CORE_TAGS:
            return self._unreadable(node, path, f"found the tag {_tag(node)}, expected none")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        return self._collection(node, path)

    def _unreadable(self, node: yaml.Node, path: Path, text: str) -> None:
        self._document.unreadable.add(path)
        self.complain(_position(node), path, text)

    def _spend(self) -> None:
        """Count one node, wherever anchors and merges repeat it."""
        self._count += 1
        if self._count > MAX_VALUES or len(self._open) > MAX_DEPTH:
            raise _TooBigError

    def _collection(self, node: yaml.Node, path: Path) -> Any:
        self._spend()
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self._build(item, (*path, index)) for index, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        self._spend()
        self._document.variables.discard(path)  # a merged value may have stood here
        try:
            text = substitute(node.value, self._environ)
        except ValueError as error:
            return self._unreadable(node, path, str(error))
        if refers(node.value):
            self._document.variables.add(path)
            return text
        return plain(text) if node.tag == _PLAIN else text

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        self._document.values.setdefault(path, _position(node))
        result: dict[str, Any] = {}
        for merged in (value for key, value in node.value if _is_merge(key)):
            result.update(self._merged(merged, path))
        seen: set[str] = set()
        for key, value in node.value:
            if not _is_merge(key) and self._accepts(key, path, seen):
                at = (*path, key.value)
                seen.add(key.value)
                self._document.keys[at] = _position(key)
                result[key.value] = self._build(value, at)
        return result

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for source in reversed(sources):
            if isinstance(source, yaml.MappingNode) and id(source) not in self._open:
                result.update(self._collection(source, path))
            else:
                self.complain(_position(node), path, "found a << that does not name mappings")
        return result

    def _accepts(self, key: yaml.Node, path: Path, seen: set[str]) -> bool:
        if not isinstance(key, yaml.ScalarNode):
            self.complain(_position(key), path, f"found {_kind(key)} as a key, expected text")
            return False
        at = (*path, key.value)
        if key.value in seen:
            first = self._document.keys[at]
            self.complain(_position(key), at, f"the key is already on line {first.line}")
            return False
        if refers(key.value):
            self.complain(_position(key), at, "found a variable in a key, expected it in a value")
        return True


def _is_merge(key: yaml.Node) -> bool:
    return key.tag == _PLAIN and key.value == _MERGE


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "a single value"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def _tag(node: yaml.Node) -> str:
    return str(node.tag).replace("tag:yaml.org,2002:", "!!")[:60]


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        return Problem(_place(text), "", "found a control character, expected printable text")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    position = Position(mark.line + 1, mark.column + 1) if mark else START
    if _tab_at(text, position):
        return Problem(position, "", "found a tab, expected spaces: YAML is indented with spaces")
    said = (getattr(error, "context", None), getattr(error, "problem", None))
    return Problem(position, "", f"not valid yaml: {_lower(', '.join(filter(None, said)))}")


def _tab_at(text: str, position: Position) -> bool:
    lines = text.splitlines()
    line = lines[position.line - 1] if position.line <= len(lines) else ""
    return "\t" in line[: position.column]


def _lower(message: str) -> str:
    return " ".join(message.split())[:200].lower()


def _place(text: str) -> Position:
    """Where the first character stands that YAML does not allow in a file."""
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)
    before = text[: match.start()] if match else ""
    return Position(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
