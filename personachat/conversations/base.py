"""The interface of every store of conversations.

Every read or write by a person names the owner. Someone else's conversation or turn raises exactly what an
unknown id raises: ConversationNotFound or TurnNotFound. What the process itself writes about its replies
(`ReplyRecords`) has no owner and changes nothing but replies. Everything is safe for threads and, if it is
stored, for processes. Each method is one transaction.

The messages of these errors are the same in every store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from personachat.conversations.model import Conversation, QueuedMessage, Rating, Reply, SentRequest, Turn
from personachat.errors import ConversationNotFound, TurnNotFound


def no_such_conversation() -> ConversationNotFound:
    return ConversationNotFound("This conversation doesn't exist or was deleted.", hint="Start a new chat.")


def no_such_turn() -> TurnNotFound:
    return TurnNotFound("This message doesn't exist or was deleted.")


class ConversationStore(Protocol):
    """The turns of conversations. Methods raise ConversationNotFound and StorageUnavailable."""

    def create(
        self,
        owner: str,
        *,
        durable: bool = True,
        turns: Sequence[Turn] = (),
        requests: Mapping[str, SentRequest] | None = None,
        process_id: str | None = None,
        variables: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Conversation:
        """Create a conversation with its first turns, if any, added as by `append`; returns its head."""

    def get(
        self, owner: str, conversation_id: str, *, last: int | None = None, with_siblings: bool = True
    ) -> Conversation:
        """The conversation with the last turns of its active branch (None: all of them).

        Without `siblings`, its own may be missing.
        """

    def tree(self, owner: str, conversation_id: str) -> tuple[Turn, ...]:
        """Every turn that isn't deleted: parents before children, siblings oldest first."""

    def turn(self, owner: str, turn_id: str) -> tuple[str, Turn]:
        """The id of a turn's conversation, and the turn. Raises TurnNotFound."""

    def path(self, owner: str, turn_id: str) -> tuple[Turn, ...]:
        """The turns from the first to this one, whichever branch is active. Raises TurnNotFound."""

    def append(
        self,
        owner: str,
        conversation_id: str,
        turns: Sequence[Turn],
        *,
        only_after: str | None,
        requests: Mapping[str, SentRequest] | None = None,
        process_id: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> bool:
        """Add turns, each the parent of the next, and make the last one the leaf.

        Returns False and adds nothing if the leaf is no longer `only_after`: someone else was faster. The
        first turn may have any parent (its `parent_id`). Depths are set here. `requests` belong to
        assistants' turns, by their ids. `process_id` generates the live replies among them, as if it had
        claimed them. An empty title is replaced by one made from the first exchange. `variables` are set as
        by `give`.
        """

    def show(self, owner: str, conversation_id: str, turn_id: str | None) -> None:
        """Make a turn the leaf; None shows the conversation empty, with all kept. Raises TurnNotFound."""

    def show_branch(self, owner: str, conversation_id: str, turn_id: str) -> None:
        """Make the newest turn below (or the turn itself) the leaf. Raises TurnNotFound."""

    def request(self, owner: str, turn_id: str) -> SentRequest | None:
        """The request for an assistant's turn; None if there was none. Raises TurnNotFound."""

    def rate(self, owner: str, turn_id: str, rating: Rating | None, *, note: str = "") -> None:
        """Rate an assistant's turn, or take the rating back (None). Raises TurnNotFound."""

    def delete_turn(self, owner: str, turn_id: str) -> str | None:
        """Hide a turn and everything below it.

        The leaf moves to its newest sibling's branch, or else to its parent. Returns the leaf before, for
        `restore_turn`. Raises TurnNotFound.
        """

    def restore_turn(self, owner: str, turn_id: str, *, leaf_id: str | None) -> None:
        """Undo `delete_turn`: show the turn and everything below it, with `leaf_id` as the leaf.

        Raises TurnNotFound.
        """

    def give(self, owner: str, conversation_id: str, variables: Mapping[str, str]) -> None:
        """Set these variables from now on. "" removes a value; others stay."""

    def adjust(self, owner: str, conversation_id: str, settings: Mapping[str, Any]) -> None:
        """Replace the settings from now on."""

    def keep(self, owner: str, conversation_id: str) -> None:
        """From now on it isn't deleted when nobody follows it."""

    def queue(self, owner: str, conversation_id: str, message: QueuedMessage) -> None:
        """Put a message at the end of the queue."""

    def unqueue(
        self, owner: str, conversation_id: str, message_id: str | None = None
    ) -> QueuedMessage | None:
        """Remove a message from the queue (None: the first) and return it; None if it is gone."""

    def waiting(self, owner: str, conversation_id: str) -> tuple[QueuedMessage, ...]:
        """The queue, first message first. Cheaper than `get`, which has it too."""

    def discard(self, owner: str, conversation_id: str) -> None:
        """Permanently delete a conversation; an unknown one is no error."""


class ReplyRecords(Protocol):
    """What a process writes about the replies it generates. `process_id` is that process's `new_id()`."""

    def claim(self, turn_id: str, *, process_id: str) -> bool:
        """Claim a reply for this process and mark it running; False if a living process has it."""

    def save(self, replies: Mapping[str, tuple[Reply, str]], *, process_id: str) -> frozenset[str]:
        """Write replies, by the ids of their turns, in one transaction; returns those written.

        Each comes with its journal: the lengths of its events, see `personachat.replies.journal`. A reply
        that another process has claimed or that was deleted is left alone.
        """

    def beat(self, process_id: str) -> Mapping[str, str]:
        """Report that this process is alive; returns what others ask of its replies, by turn id.

        "pause", "resume" or "stop", each returned once.
        """

    def want(self, turn_id: str, control: str) -> None:
        """Ask the process that generates a reply to "pause", "resume" or "stop" it, at its next report."""

    def look(self, turn_id: str) -> tuple[Reply, str] | None:
        """A reply as it was last written, with its journal; None if it was deleted."""

    def interrupt(self) -> frozenset[str]:
        """Mark the live replies of dead processes "interrupted"; returns the ids of their turns."""

    def abandon(self, turn_id: str, *, process_id: str) -> bool:
        """Mark a live reply of this process "interrupted"; False if it isn't one.

        For a reply that the process doesn't know because its own write seemed to fail.
        """

    def retire(self, process_id: str) -> None:
        """This process ends: it has no live replies any more and needn't report."""
