"""Lists of messages that the server sends one after another, whoever watches.

One thread per list sends it. Whether it continues is in the database, so every window sees it, and a list
whose process has died counts as stopped.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from contextlib import suppress

from personachat.chat.starter import ReplyStarter
from personachat.errors import (
    ComparisonInvalid,
    ComparisonNotFound,
    MessageInvalid,
    PersonaChatError,
    ReplyInProgress,
    ShuttingDown,
    StoreUnavailable,
    unforeseen,
)
from personachat.lab.comparisons.answers import answers_of
from personachat.lab.comparisons.columns import states_of
from personachat.lab.comparisons.model import LETTERS, Comparison
from personachat.lab.comparisons.rounds import Rounds
from personachat.lab.comparisons.store import SqlComparisons
from personachat.owners import comparing

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Seconds between two checks whether a list was stopped, while a reply is silent or on another server."""


def pause() -> None:
    """Wait until the next check is due."""
    time.sleep(LOOK_SECONDS)


class MessageLists:
    """The lists of one owner's comparisons; cheap to create."""

    def __init__(self, answers: ReplyStarter, store: SqlComparisons, rounds: Rounds, *, owner: str) -> None:
        self._answers = answers
        self._conversations = answers.conversations
        self._store = store
        self._rounds = rounds
        self._owner = owner
        self._kept_under = comparing(owner)

    def begin(self, comparison_id: str) -> None:
        """Send the waiting messages one after another; does nothing if that is already happening.

        It stops at the cost limit, and after a message with a reply that isn't complete; columns whose
        replies aren't complete now may fail again. Raises MessageInvalid, ComparisonInvalid and ShuttingDown.
        """
        comparison = self._store.get(self._owner, comparison_id)
        if comparison.blind:
            raise ComparisonInvalid(
                "A blind comparison can't send a whole list.", hint="Vote, then send the next message."
            )
        if not comparison.waiting:
            raise MessageInvalid("The list has no more messages.", hint="Write one.")
        if self._answers.draining:
            raise ShuttingDown
        sending_id = self._store.begin_list(self._owner, comparison_id, process_id=self._answers.process_id)
        if sending_id:
            failing = self._incomplete(comparison)
            carry = contextvars.copy_context()  # who the calls are counted for
            threading.Thread(
                target=carry.run,
                args=(self._carry, comparison_id, sending_id, failing),
                name="personachat-list",
                daemon=True,
            ).start()

    def stop(self, comparison_id: str) -> None:
        """Send no further message; does nothing if none is about to be sent."""
        self._store.end_list(self._owner, comparison_id, state="stopped")

    def _carry(self, comparison_id: str, sending_id: str, failing: frozenset[str]) -> None:
        try:
            notice = self._send_all(comparison_id, sending_id, failing)
        except PersonaChatError as error:
            notice = f"{error} {error.hint or ''}".strip()
        except Exception:
            log.exception("A list of messages couldn't be sent")
            notice = str(unforeseen())
        with suppress(PersonaChatError, StoreUnavailable):
            self._store.end_list(
                self._owner,
                comparison_id,
                state="stopped" if notice else None,
                notice=notice,
                sending_id=sending_id,
            )

    def _send_all(self, comparison_id: str, sending_id: str, failing: frozenset[str]) -> str:
        """Why it ended; "" if all were sent or the owner stopped it."""
        while True:
            comparison = self._store.get(self._owner, comparison_id)
            for live_reply in self._rounds.live_replies(comparison):
                seen = 0
                while live_reply.live:
                    seen += len(live_reply.wait(seen, timeout_seconds=LOOK_SECONDS))
            comparison = self._store.get(self._owner, comparison_id)
            if comparison.list_sending_id != sending_id:
                return ""
            if new := self._incomplete(comparison) - failing:
                last = comparison.rounds[-1]
                letters = [letter for letter, each in zip(LETTERS, last.shown, strict=False) if each in new]
                return f"Reply {' and '.join(letters)} to message {last.number} isn't complete."
            if not comparison.waiting:
                return ""
            self._send_next(comparison, sending_id)

    def _send_next(self, comparison: Comparison, sending_id: str) -> None:
        """Send the next message, or wait a while for one that someone else sent."""
        if self._answers.draining:
            raise ShuttingDown
        try:
            replies = self._rounds.send(
                comparison.id, comparison.waiting[0], waited=True, sending_id=sending_id
            )
        except ReplyInProgress:  # perhaps on another server
            pause()
            return
        if self._was_stopped(comparison.id):  # before those replies could be found
            for live_reply in replies:
                live_reply.stop()

    def _was_stopped(self, comparison_id: str) -> bool:
        """Whether nobody sends the list any more: it was stopped, or the comparison was deleted."""
        try:
            return not self._store.get(self._owner, comparison_id).list_sending_id
        except ComparisonNotFound:
            return True

    def _incomplete(self, comparison: Comparison) -> frozenset[str]:
        """The variants whose reply to the last message isn't complete."""
        if not comparison.rounds:
            return frozenset()
        last = comparison.rounds[-1]
        turns = answers_of(comparison, self._conversations, kept_under=self._kept_under)[last.id]
        ended = {"finished", "running", "paused"}
        return frozenset(each for each, state in states_of(last, turns).items() if state not in ended)
