"""What every section of the configuration is: strict, frozen, and open to no unknown key."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Strict

T = TypeVar("T")

# YAML has lists, frozen values hold tuples; the entries stay strict.
Many = Annotated[tuple[T, ...], Strict(False)]


class Section(BaseModel):
    """A mapping of the file: every key known, every value of exactly its type.

    `example` is a piece of configuration for the reference, from the top level on.
    """

    example: ClassVar[str] = ""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
