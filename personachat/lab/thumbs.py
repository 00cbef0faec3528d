"""Thumbs of chats as labels: the judge is asked about each rated reply, and the thumb is the right answer.

Thumbs up stand for the answer that passes, thumbs down for the other one. The judge is asked one reply at a
time on the engine's loop, and each label is kept at once: what was done stays after a stop or a crash.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from personachat.conversations.tables import conversations, turns
from personachat.database.connection import Database
from personachat.errors import PersonaChatError, SuiteRunRefused
from personachat.lab.judge import Judge
from personachat.lab.labels import Labels
from personachat.lab.suites.model import JudgeQuestion
from personachat.replies.runner import ReplyRunner
from personachat.usage.model import Origin

MOST_RATED = 200

_t, _c = turns.c, conversations.c


@dataclass(frozen=True, slots=True)
class RatedReply:
    """A reply of a chat with its thumb, and what the person had said."""

    message: str
    reply: str
    liked: bool


@dataclass(slots=True, eq=False)
class ThumbsJob:
    """How far it is; safe to read from any thread. `unread` are replies that the judge gave no verdict on."""

    question: JudgeQuestion
    planned: int
    done: int = 0
    unread: int = 0
    trouble: str = ""
    cancelled: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        return self.ended.is_set()

    @property
    def labelled(self) -> int:
        return self.done - self.unread


class ThumbJudging:
    """The jobs of all owners; each has one at a time."""

    def __init__(self, judge: Judge, labels: Labels, runner: ReplyRunner) -> None:
        self._judge = judge
        self._labels = labels
        self._runner = runner
        self._lock = threading.Lock()
        self._jobs: dict[str, ThumbsJob] = {}

    def find(self, owner: str) -> ThumbsJob | None:
        return self._jobs.get(owner)

    def start(self, replies: Sequence[RatedReply], question: JudgeQuestion, *, origin: Origin) -> ThumbsJob:
        """Raises SuiteRunRefused where one runs, and ShuttingDown."""
        self._runner.admit()
        job = ThumbsJob(question, len(replies))
        with self._lock:
            running = self._jobs.get(origin.owner)
            if running and not running.over:
                raise SuiteRunRefused(
                    "Your ratings are already being judged.", hint="Wait until that is finished."
                )
            self._jobs[origin.owner] = job
        self._runner.begin(self._work(job, tuple(replies), origin))
        return job

    async def _work(self, job: ThumbsJob, replies: Sequence[RatedReply], origin: Origin) -> None:
        try:
            for each in replies:
                if job.cancelled:
                    return
                await self._one(job, each, origin)
        except PersonaChatError as error:
            job.trouble = str(error)
        finally:
            job.ended.set()

    async def _one(self, job: ThumbsJob, rated: RatedReply, origin: Origin) -> None:
        question = job.question
        judgement = await self._judge.ask(
            question, message=rated.message, reply=rated.reply, reference="", origin=origin
        )
        answer = judgement.answer
        if answer.verdict is None:
            job.trouble = answer.trouble
            job.unread += 1
        else:
            label = question.expect if rated.liked else not question.expect
            await asyncio.to_thread(
                self._labels.set,
                origin.owner,
                question=question.question,
                judge=answer.judge,
                reply=rated.reply,
                label=label,
                verdict=answer.verdict,
                replaces=False,  # who labelled it meanwhile knew the question
            )
        job.done += 1


def rated_replies(database: Database, owner: str, persona_id: str) -> tuple[RatedReply, ...]:
    """The newest replies with thumbs in an owner's conversations with a persona, each text once."""
    before = turns.alias("before")
    query = (
        select(_t.text, _t.rating, before.c.text.label("said"))
        .join(conversations, _c.id == _t.conversation_id)
        .join(before, before.c.id == _t.parent_id)
        .where(
            _c.owner == owner,
            _c.deleted_at.is_(None),
            _t.persona_id == persona_id,
            _t.rating.is_not(None),
            _t.deleted_at.is_(None),
            _t.role == "assistant",
            _t.text != "",
        )
        .order_by(_t.number.desc())
        .limit(MOST_RATED)
    )
    replies: dict[str, RatedReply] = {}
    with database.read() as connection:
        for row in connection.execute(query):
            replies.setdefault(row.text, RatedReply(row.said, row.text, row.rating > 0))
    return tuple(replies.values())
