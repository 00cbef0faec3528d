"""Valid names and lengths for a persona's variables; see `personas.variables`."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import Field

MOST_VARIABLES = 100
MOST_CHARACTERS = 8_000
"""Characters of one value."""

_PATTERN = "[A-Za-z_][A-Za-z0-9_-]{0,59}"
_NAME = re.compile(_PATTERN)

_Name: TypeAlias = Annotated[str, Field(pattern=f"^{_PATTERN}$")]
_Value: TypeAlias = Annotated[str, Field(max_length=MOST_CHARACTERS)]
GivenValues: TypeAlias = Annotated[
    dict[_Name, _Value],
    Field(
        max_length=MOST_VARIABLES,
        description="The value of {{name}} in the persona's texts. Otherwise its default is used.",
    ),
]
"""Values that a caller of the API sends."""


def is_name(name: str) -> bool:
    """Whether a variable may have this name."""
    return _NAME.fullmatch(name) is not None
