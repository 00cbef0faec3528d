"""How a reply ends, and what is shown or passed on about it.

Only a reply that its model ended is complete. If it reached a limit, that is its reason. A reply that was cut
off never passes as complete: a protocol that has no reason for that gets an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from personachat.messages import Failed, Finished, FinishReason

End: TypeAlias = FinishReason | Literal["failed", "interrupted"]

INTERRUPTED: Final = Failed("interrupted", "The server stopped in the middle of this reply.", "Try again.")
"""How an interrupted reply ended: there is no event for it."""

STOPPED: Final = Failed("stopped", "This reply was stopped before it was complete.", "Try again.")
"""A stopped reply, for a caller who didn't stop it and waits for all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is said about an end."""

    name: str = ""
    """For people; "" if there is nothing to say or an error says it."""
    sentence: str = ""
    """A longer version of the same; "" if the short one is enough."""
    finish_reason: str | None = None
    """The finish reason of a chat completion; None if it ends with an error and without [DONE]."""
    incomplete: str | None = None
    """Why a response is incomplete; None if it is complete or failed."""
    exit_code: int = 0
    """The exit code of a command that shows the reply."""


ENDINGS: Mapping[End, Ending] = {
    "stop": Ending(finish_reason="stop"),
    "tool_calls": Ending(finish_reason="tool_calls"),
    "refusal": Ending(name="The model declined", finish_reason="stop"),
    "length": Ending(
        name="Cut off at the token limit",
        sentence="Cut off at the persona's token limit (maxTokens)",
        finish_reason="length",
        incomplete="max_output_tokens",
    ),
    "content_filter": Ending(
        name="Cut off by the provider's content filter",
        finish_reason="content_filter",
        incomplete="content_filter",
    ),
    "stopped": Ending(name="Stopped", incomplete="stopped", exit_code=130),
    "failed": Ending(exit_code=1),
    "interrupted": Ending(name="Interrupted", incomplete="interrupted", exit_code=1),
}

_BY_NAME: Mapping[str, Ending] = {str(end): ending for end, ending in ENDINGS.items()}


def end_of(last: Finished | Failed | None) -> End:
    """How a reply ended, by its last event. None means it ended without one."""
    match last:
        case Finished(reason):
            return reason
        case None | Failed("interrupted"):
            return "interrupted"
        case Failed():
            return "failed"


def cut_off_by(last: Finished | Failed | None) -> Failed | None:
    """The error for a reply that was cut off; None if it wasn't."""
    match last:
        case None:
            return INTERRUPTED
        case Finished("stopped"):
            return STOPPED
        case Finished():
            return None
        case Failed():
            return last


def ending_of(state: str, finish_reason: str | None) -> Ending | None:
    """What is said about a stored reply; None if it is live or its reason is unknown."""
    return _BY_NAME.get(finish_reason or "stop" if state == "finished" else state)
