"""What somebody asks a run for."""

from __future__ import annotations

from dataclasses import dataclass

from personachat.lab.runs.options import RunOptions
from personachat.personas.store.base import StoredPersona


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """What somebody asks for. What is None is the suite's or the persona's."""

    persona_id: str
    repeat: int | None = None
    model: str | None = None
    revision: int | None = None
    """A revision of the persona instead of the newest version."""
    most_cost_usd: float | None = None
    draft: str | None = None
    """A persona's JSON text that isn't saved."""
    saved: StoredPersona | None = None
    """The very version to run, where it is known."""
    cases: tuple[str, ...] = ()
    """The names of the cases to run; all without any."""
    pairwise: str = ""
    """The question by which a judge compares each reply with another one; "" compares none."""
    against: str = ""
    """The run of theirs whose replies are compared with; "" compares with recorded or reference replies."""

    def pairs_in(self, options: RunOptions) -> RunOptions:
        """The options with the comparisons that are wished for."""
        return options.model_copy(update={"pairwise": self.pairwise, "against": self.against})
