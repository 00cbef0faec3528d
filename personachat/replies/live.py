"""One reply as numbered events, for any number of watchers.

Events are numbered from 1 and all kept, so a watcher can leave and return at any number. A live reply ends
exactly once; whatever arrives later is dropped. Nothing is added while it is paused.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, Self, TypeAlias

from personachat.conversations.model import Reply
from personachat.messages import Failed, Finished, ReplyEvent, TurnState
from personachat.replies.journal import Journal, decoded
from personachat.replies.loop import Sleeper
from personachat.replies.progress import ReplyProgress
from personachat.request_context import RequestContext
from personachat.stamps import new_id
from personachat.usage.model import CallSnapshot, Origin
from personachat.usage.words import Words

Control: TypeAlias = Literal["pause", "resume", "stop"]


class LiveReply:
    """One reply. Safe for threads: the engine writes, any number of watchers read."""

    def __init__(
        self,
        reply_id: str | None = None,
        *,
        durable: bool = True,
        first: Reply | None = None,
        events: Sequence[ReplyEvent] = (),
        conversation_id: str = "",
        persona_id: str = "",
        origin: Origin | None = None,
    ) -> None:
        """A reply that starts as `first`, the result of `events`; None starts empty."""
        self.id = reply_id or new_id()
        self.conversation_id = conversation_id
        self.persona_id = persona_id
        self.durable = durable
        self.origin = origin or Origin()
        """Who asked for it, and for what purpose."""
        self.remote: Callable[[Control], None] | None = None
        """Tells the process that generates it what to do; None if it is this one."""
        self.request: RequestContext | None = None
        """The request it is generated for, in this process."""
        self.words: Words | None = None
        """Where the times of its steps are recorded for traces, if someone traces."""
        self.pauses = 0
        """How often it was paused."""
        self._condition = threading.Condition()
        self._sleepers: list[Sleeper] = []
        self._events: list[ReplyEvent] = list(events)
        self._journal = Journal()
        self._draft = ReplyProgress(first or Reply())
        self._followers = 0
        self.on_unfollowed: Callable[[LiveReply], None] = lambda _: None
        self.on_ended: Callable[[LiveReply], None] = lambda _: None

    @classmethod
    def ended(
        cls, reply_id: str, reply: Reply, journal: str, *, conversation_id: str = "", persona_id: str = ""
    ) -> Self:
        """A stored reply that has ended, to be watched from any event."""
        return cls(
            reply_id,
            first=reply,
            events=decoded(journal, reply),
            conversation_id=conversation_id,
            persona_id=persona_id,
        )

    @classmethod
    def continued(
        cls, earlier: LiveReply, *, first: Reply, durable: bool = True, origin: Origin | None = None
    ) -> Self:
        """A reply that has ended and continues in the same turn; `first` says who answers now, and from what.

        Its events continue: the first new one gets the number of the end, which is dropped.
        """
        events = earlier.wait(0, timeout_seconds=0)
        if earlier.ending:
            events.pop()
        return cls(
            earlier.id,
            durable=durable,
            first=earlier.snapshot().going_on(first),
            events=events,
            conversation_id=earlier.conversation_id,
            persona_id=earlier.persona_id,
            origin=origin,
        )

    @property
    def state(self) -> TurnState:
        return self._draft.outline.state

    @property
    def live(self) -> bool:
        """Whether it has not ended. It may be paused."""
        return self._draft.outline.live

    @property
    def ending(self) -> Finished | Failed | None:
        """The event it ended with; None while it is live and if it was interrupted."""
        last = self._events[-1] if self._events else None
        return last if isinstance(last, (Finished, Failed)) else None

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the request, without pauses."""
        return self._draft.elapsed_seconds

    @property
    def followers(self) -> int:
        return self._followers

    @property
    def version(self) -> tuple[int, TurnState]:
        """A value that changes whenever the reply does."""
        return len(self._events), self._draft.outline.state

    def snapshot(self) -> Reply:
        """The reply as it is now."""
        with self._condition:
            return self._draft.reply()

    def counted(self) -> CallSnapshot:
        """What this call has used so far. For a continued reply, the continuation alone."""
        with self._condition:
            return self._draft.counted()

    def record(self) -> tuple[Reply, str]:
        """The reply as it is now and its journal; see `personachat.replies.journal`."""
        with self._condition:
            return self._draft.reply(), self._journal.of(self._events)

    def wait(self, after: int, *, timeout_seconds: float) -> list[ReplyEvent]:
        """Wait for events after number `after` and return them.

        Empty at the end, at the timeout, and when the reply is paused or resumed meanwhile.
        """
        with self._condition:
            state = self.state
            self._condition.wait_for(
                lambda: len(self._events) > after or not self.live or self.state != state, timeout_seconds
            )
            return self._events[after:]

    async def events(self, after: int = 0) -> AsyncIterator[tuple[int, ReplyEvent]]:
        """Each event after number `after`, with its number, to the last one; on any event loop."""
        sleeper = Sleeper()
        with self.followed():
            while True:
                with self._condition:
                    new, over = self._events[after:], not self.live
                    if not new and not over:
                        self._sleepers.append(sleeper)
                for event in new:
                    after += 1
                    yield after, event
                if over:
                    return
                if not new:
                    await sleeper.woken()

    async def resumed(self) -> None:
        """Wait while it is paused; on any event loop."""
        sleeper = Sleeper()
        while True:
            with self._condition:
                if self.state != "paused":
                    return
                self._sleepers.append(sleeper)
            await sleeper.woken()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Count as a follower inside this block."""
        with self._condition:
            self._followers += 1
        try:
            yield
        finally:
            with self._condition:
                self._followers -= 1
                alone = self._followers == 0 and self.live
            if alone:
                self.on_unfollowed(self)

    def pause(self) -> None:
        """Add nothing until it is resumed. Does nothing if it is paused or has ended."""
        if self.remote:
            self.remote("pause")
            return
        with self._condition:
            if self.state == "running":
                self.pauses += 1
                self._draft.pause()
                self._wake()

    def resume(self) -> None:
        """Continue after a pause. Does nothing if it isn't paused."""
        if self.remote:
            self.remote("resume")
            return
        with self._condition:
            if self.state == "paused":
                self._draft.resume()
                self._wake()

    def stop(self) -> None:
        """End the reply now, paused or not. Its text stays."""
        if self.remote:
            self.remote("stop")
        else:
            self.end(Finished("stopped"))

    def add(self, event: ReplyEvent) -> bool:
        """Add the next event. False if it must wait because the reply is paused.

        Anything after the end is dropped.
        """
        with self._condition:
            if self._draft.outline.state != "running":
                return self._draft.outline.state != "paused"
            self._draft.add(event)
            self._events.append(event)
            ended = self._draft.outline.state != "running"
            self._wake()
        if ended:
            self.on_ended(self)
        return True

    def end(self, event: Finished | Failed) -> None:
        """Add the last event, paused or not."""
        with self._condition:
            if not self.live:
                return
            self._draft.add(event)
            self._events.append(event)
            self._wake()
        self.on_ended(self)

    def agree(self, reply: Reply, end: Finished | Failed | None = None) -> None:
        """Copy the state that the generating process reports. Deltas were already added.

        `end` is its last event, if it ended with one.
        """
        with self._condition:
            if not self.live:
                return
            self._draft.agree(reply)
            if end:
                self._events.append(end)
            self._wake()
        if not reply.live:
            self.on_ended(self)

    def interrupt(self) -> None:
        """End it without an event: nobody generates it any more, or this process can't tell."""
        self.agree(replace(self.snapshot(), state="interrupted", duration_seconds=self.elapsed_seconds))

    def _wake(self) -> None:
        self._condition.notify_all()
        if self._sleepers:
            sleepers, self._sleepers = self._sleepers, []
            for sleeper in sleepers:
                sleeper.wake()
