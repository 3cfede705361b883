"""The schema as data: which keys may stand where. Read by messages and by the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from router.config.problems import Path
from router.config.schema import Config
from router.config.section import Section
from router.config.texts import as_list


def fields_of(section: type[Section]) -> dict[str, FieldInfo]:
    """A section's fields by the key that the file spells them with."""
    return {info.alias or name: info for name, info in section.model_fields.items()}


def section_at(path: Path) -> type[Section] | None:
    """The section whose keys stand at `path`, or None where other things do."""
    return section_of(_kind_at(path))


def is_list_at(path: Path) -> bool:
    """Whether a list stands at `path`."""
    return get_origin(unwrapped(_kind_at(path))) is tuple


def takes_one_text(kind: Any, metadata: Iterable[Any] = ()) -> bool:
    """Whether a list of type `kind` may also be written as the one text that it would hold."""
    inner = getattr(kind, "__metadata__", ())
    return any(
        isinstance(item, BeforeValidator) and item.func is as_list for item in (*metadata, *inner)
    )


def is_text_or_list_at(path: Path) -> bool:
    """Whether one text or a list of them stands at `path`."""
    info = field_at(path)
    return takes_one_text(_kind_at(path), info.metadata if info else ())


def field_at(path: Path) -> FieldInfo | None:
    """The field that the last key of `path` names, or None."""
    section = section_at(path[:-1])
    return fields_of(section).get(str(path[-1])) if section else None


def section_of(kind: Any) -> type[Section] | None:
    """The section that a value of type `kind` is, itself."""
    bare = unwrapped(kind)
    return bare if isinstance(bare, type) and issubclass(bare, Section) else None


def unwrapped(kind: Any) -> Any:
    """`kind` without the wrappings Annotated and Optional."""
    origin = get_origin(kind)
    if origin is Annotated:
        return unwrapped(get_args(kind)[0])
    if origin in (Union, UnionType):
        return unwrapped(next(arg for arg in get_args(kind) if arg is not type(None)))
    return kind


def entry_of(kind: Any) -> Any:
    """The type of a list's entries or of a mapping's values; None for other types."""
    bare = unwrapped(kind)
    if get_origin(bare) is tuple:
        return get_args(bare)[0]
    return get_args(bare)[1] if get_origin(bare) is dict else None


def sections() -> Iterator[tuple[Path, type[Section]]]:
    """Every section with its path, the file itself first; `*` stands for a name, 0 for an index.

    A section that may hold itself is not followed into itself.
    """
    yield from _sections(Config, (), frozenset())


def _sections(
    section: type[Section], path: Path, around: frozenset[type[Section]]
) -> Iterator[tuple[Path, type[Section]]]:
    yield path, section
    around |= {section}
    for key, info in fields_of(section).items():
        at: Path = (*path, key)
        entry = entry_of(info.annotation)
        if entry is not None:
            at = (*at, 0) if get_origin(unwrapped(info.annotation)) is tuple else (*at, "*")
        inner = section_of(info.annotation if entry is None else entry)
        if inner and inner not in around:
            yield from _sections(inner, at, around)


def _kind_at(path: Path) -> Any:
    kind: Any = Config
    for step in path:
        kind = _inside(kind, step)
    return kind


def _inside(kind: Any, step: str | int) -> Any:
    section = section_of(kind)
    if section is None:
        return entry_of(kind)
    info = fields_of(section).get(str(step))
    return info.annotation if info else None
