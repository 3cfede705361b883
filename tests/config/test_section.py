from __future__ import annotations

import pytest
from pydantic import ValidationError

from router.config.section import Many, Section


class Sample(Section):
    """A section of two keys."""

    count: int = 0
    names: Many[str] = ()


@pytest.mark.parametrize("content", [{"count": "1"}, {"count": True}, {"other": 1}, {"names": [1]}])
def test_a_section_takes_nothing_but_its_keys_and_types(content):
    with pytest.raises(ValidationError):
        Sample.model_validate(content)


def test_lists_become_tuples():
    assert Sample.model_validate({"names": ["a", "b"]}).names == ("a", "b")
