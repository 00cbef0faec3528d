"""How a reply ends, and what everybody who shows or passes it on says of that.

Only a reply that its model ended is whole. One that reached a limit says so as its reason; one that was cut
off, by whatever, never passes as a whole one: where a protocol has no reason for that, it gets an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from personachat.messages import Failed, Finished, FinishReason

End: TypeAlias = FinishReason | Literal["failed", "interrupted"]

INTERRUPTED: Final = Failed("interrupted", "The server stopped in the middle of this reply.", "Try again.")
"""What an interrupted reply ended with: it has no event of its own."""

STOPPED: Final = Failed("stopped", "This reply was stopped before it was complete.", "Try again.")
"""A stopped reply, for who did not stop it and waits for a whole one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is said of an end."""

    name: str = ""
    """For people; "" if there is nothing to say, or an error says it."""
    sentence: str = ""
    """The same if there is more room; "" if it is the name."""
    finish_reason: str | None = None
    """Of a chat completion; None if it ends with an error and without [DONE]."""
    incomplete: str | None = None
    """Why a response is incomplete; None if it is completed, or failed."""
    exit_code: int = 0
    """Of a command that shows the reply."""


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
    """The end of a reply whose last event is this; None if it stopped coming without one."""
    match last:
        case Finished(reason):
            return reason
        case None | Failed("interrupted"):
            return "interrupted"
        case Failed():
            return "failed"


def cut_off_by(last: Finished | Failed | None) -> Failed | None:
    """The error that tells a reply was cut off; None if it was not."""
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
    """What is said of a reply as it is stored; None if it is live, or its reason is none we know."""
    return _BY_NAME.get(finish_reason or "stop" if state == "finished" else state)
