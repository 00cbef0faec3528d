"""What a run does besides running its suite: stored with it, so that it goes on the same way after a restart.

A run of a suite has none of it. Cases that stand for turns, settings or rounds are made by whoever begins
the run; here is what the runner needs to know about them.
"""

from __future__ import annotations

from typing import Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict

RunKind: TypeAlias = Literal["suite", "replay"]

MADE: tuple[RunKind, ...] = ("replay",)
"""Kinds of runs whose suite was made for them; the kind stands in the place of the suite's etag."""


class RunOptions(BaseModel):
    """Everything is optional; the default is a plain run of a suite."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pairwise: str = ""
    """The question by which a judge compares each reply with another one; "" compares none."""
    against: str = ""
    """The run whose replies are compared with; "" compares with the cases' references."""

    def as_stored(self) -> dict[str, Any] | None:
        return self.model_dump(mode="json", exclude_defaults=True) or None

    @classmethod
    def stored(cls, value: Any) -> Self:
        return cls.model_validate(value or {})


PLAIN_RUN = RunOptions()


def kind_of(suite_etag: str) -> RunKind:
    """The kind of a run by what it is stamped with."""
    return next((kind for kind in MADE if kind == suite_etag), "suite")
