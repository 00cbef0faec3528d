"""What keeps conversations has to do, wherever it keeps them.

Whatever a person reads or writes asks for the owner, and what belongs to somebody else raises
exactly what an unknown id raises: ConversationNotFound or TurnNotFound. What the process itself writes of
its replies (`ReplyRecords`) knows no owner and changes nothing but replies. Everything is safe for threads
and, where it is stored, for processes; each method is one transaction.

What is said of something that is not there, or somebody else's: the same in every store.
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
    """The turns of conversations. Methods raise ConversationNotFound, and StorageUnavailable."""

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
        """A new conversation with its first turns, if any, as `append` adds them; returns its head."""

    def get(
        self, owner: str, conversation_id: str, *, last: int | None = None, with_siblings: bool = True
    ) -> Conversation:
        """The conversation with the last turns of its active branch (None: all of them).

        Its `siblings` may be missing where they are not asked for.
        """

    def tree(self, owner: str, conversation_id: str) -> tuple[Turn, ...]:
        """Every turn that is not deleted, parents before children, siblings oldest first."""

    def turn(self, owner: str, turn_id: str) -> tuple[str, Turn]:
        """The id of a turn's conversation, and the turn. Raises TurnNotFound."""

    def path(self, owner: str, turn_id: str) -> tuple[Turn, ...]:
        """The turns from the first one to this one, whichever branch is active. Raises TurnNotFound."""

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

        Nothing is added, and False comes back, where the leaf is no longer `only_after`: somebody
        else was quicker. The first turn may hang anywhere (its `parent_id`); depths are set here.
        `requests` go with assistants' turns, by their ids; `process_id` generates the live replies among
        them, as if it had claimed them. An empty title becomes one made of the first exchange. `variables`
        are given as by `give`.
        """

    def show(self, owner: str, conversation_id: str, turn_id: str | None) -> None:
        """Make a turn the leaf; None shows the conversation empty, with all kept. Raises TurnNotFound."""

    def show_branch(self, owner: str, conversation_id: str, turn_id: str) -> None:
        """Make the newest turn below (or else the turn itself) the leaf. Raises TurnNotFound."""

    def request(self, owner: str, turn_id: str) -> SentRequest | None:
        """What was asked for an assistant's turn; None if nothing was. Raises TurnNotFound."""

    def rate(self, owner: str, turn_id: str, rating: Rating | None, *, note: str = "") -> None:
        """Rate an assistant's turn, or take the rating back (None). Raises TurnNotFound."""

    def delete_turn(self, owner: str, turn_id: str) -> str | None:
        """Hide a turn and all below it; the leaf moves to its newest sibling's branch, else to its parent.

        Returns the leaf before, for `restore_turn`. Raises TurnNotFound.
        """

    def restore_turn(self, owner: str, turn_id: str, *, leaf_id: str | None) -> None:
        """Undo `delete_turn`: show the turn, all below it, and `leaf_id` again. Raises TurnNotFound."""

    def give(self, owner: str, conversation_id: str, variables: Mapping[str, str]) -> None:
        """Keep what these variables stand for from now on; "" takes one back, the others stay."""

    def adjust(self, owner: str, conversation_id: str, settings: Mapping[str, Any]) -> None:
        """Have these settings, and no others, hold from now on."""

    def keep(self, owner: str, conversation_id: str) -> None:
        """From now on it outlives its followers."""

    def queue(self, owner: str, conversation_id: str, message: QueuedMessage) -> None:
        """Put a message at the end of the queue."""

    def unqueue(
        self, owner: str, conversation_id: str, message_id: str | None = None
    ) -> QueuedMessage | None:
        """Take a message out of the queue (None: the first) and return it; None if it is gone."""

    def waiting(self, owner: str, conversation_id: str) -> tuple[QueuedMessage, ...]:
        """The queue, the first message first; what `get` says of it, for less."""

    def discard(self, owner: str, conversation_id: str) -> None:
        """Remove a conversation for good; one that is not there is no error."""


class ReplyRecords(Protocol):
    """What a process writes of the replies it generates. `process_id` is the writer's `new_id()`."""

    def claim(self, turn_id: str, *, process_id: str) -> bool:
        """Make a reply this process's own to write, running; False if a living process has it."""

    def save(self, replies: Mapping[str, tuple[Reply, str]], *, process_id: str) -> frozenset[str]:
        """Write replies by the ids of their turns, all in one transaction; returns those written.

        With each comes its journal: the lengths of its events, see `personachat.replies.journal`. A reply
        that another process has claimed meanwhile, or that is gone, is left alone.
        """

    def beat(self, process_id: str) -> Mapping[str, str]:
        """Say that this process lives; returns what others want of its replies, by their turns' ids.

        That is "pause", "resume" or "stop", returned once.
        """

    def want(self, turn_id: str, control: str) -> None:
        """Ask the process that generates a reply to "pause", "resume" or "stop" it, at its next beat."""

    def look(self, turn_id: str) -> tuple[Reply, str] | None:
        """A reply as it was last written, and its journal; None if it is gone."""

    def interrupt(self) -> frozenset[str]:
        """Mark the live replies of dead processes "interrupted"; returns the ids of their turns."""

    def abandon(self, turn_id: str, *, process_id: str) -> bool:
        """Mark a live reply of this process "interrupted"; False if it is none.

        To be called of one that the process does not know: it was told that it could not be written.
        """

    def retire(self, process_id: str) -> None:
        """This process ends: it has no live reply any more, and needs no beat."""
