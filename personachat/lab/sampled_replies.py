"""Replies whose adherence is measured by itself, as rows: each at most once, whatever process sees it.

A reply is taken by one transaction, which also holds the day's budget: what it can cost at most counts until
it is measured, and then what it did cost. Answers are written as they come; when a process dies, another one
goes on with the answers that are missing. The rows hold no texts of a conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, text, update

from personachat.accounts.persona_rights import PersonaRights
from personachat.conversations.tables import conversations, turns
from personachat.database.connection import Database
from personachat.database.processes import announce, dead, nobody_can_tell
from personachat.lab.adherence import is_sampled
from personachat.lab.on_save import Sampling
from personachat.lab.testing_tables import sampled_replies
from personachat.stamps import now

RECENT = timedelta(hours=24)
"""How old a reply may be that is sampled."""

SHOWN_DAYS = 30
MOST_REPLIES = 5_000

_LOCK_KEY = 0x50435F_73616D70  # of PostgreSQL's advisory lock: any number, as long as it stays

_s, _t, _c = sampled_replies.c, turns.c, conversations.c


@dataclass(frozen=True, slots=True)
class Sampled:
    """A reply that is measured. `answers` are those that are there already."""

    turn_id: str
    persona_id: str
    message: str
    reply: str
    answered_by: str
    questions: tuple[str, ...]
    answers: tuple[Mapping[str, Any], ...] = ()
    spent_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class SampledAnswers:
    """What a day's sampled replies came to on one question, by one judge."""

    day: str
    question: str
    judge: str
    hits: int
    count: int
    """With those that have no verdict."""


@dataclass(frozen=True, slots=True)
class MeasuredReply:
    """A reply of one's own, and the share of its answers that are like the persona."""

    conversation_id: str
    title: str
    turn_id: str
    share: float
    day: str


class SampledReplies:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database, *, place: str, process_id: str) -> None:
        self._database = database
        self._place = place
        self._process_id = process_id

    def take(
        self,
        persona_id: str,
        questions: Sequence[str],
        sampling: Sampling,
        *,
        most_cost: Callable[[str, str], float | None],
    ) -> Sampled | None:
        """The next reply to measure, from now on this process's own; None if there is none.

        `most_cost` says of a message and a reply what measuring can cost; None is unknown, and then nothing
        is taken if there is a limit. To be called while this process measures none.
        """
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":  # with SQLite there is one writer anyway
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            announce(self._database, connection, self._process_id)
            if left := self._left_behind(connection, persona_id):
                return left
            day = now().date().isoformat()
            today = (_s.place == self._place, _s.persona_id == persona_id, _s.day == day)
            query = select(func.count(), func.coalesce(func.sum(_s.cost_usd), 0.0)).where(*today)
            count, spent = connection.execute(query).one()
            if count >= sampling.max_per_day:
                return None
            for turn_id in self._due(connection, persona_id, sampling.percent / 100):
                answers = _read(connection, turn_id, questions)
                if answers is None:
                    continue
                most = most_cost(answers.message, answers.reply)
                limit = sampling.max_cost_usd_per_day
                if limit is not None and (most is None or spent + most > limit):
                    return None
                self._begin(connection, answers, day=day, most_usd=most or 0.0)
                return answers
        return None

    def keep(self, sampled: Sampled, *, done: bool) -> None:
        """Write the answers so far; once it is `done`, what they did cost."""
        values: dict[str, Any] = {"answers": [dict(each) for each in sampled.answers]}
        if done:
            values |= {"state": "done", "cost_usd": sampled.spent_usd}
        with self._database.write() as connection:
            announce(self._database, connection, self._process_id)
            mine = update(sampled_replies).where(
                _s.turn_id == sampled.turn_id, _s.process_id == self._process_id
            )
            connection.execute(mine.values(values))

    def answers(self, persona_id: str) -> tuple[SampledAnswers, ...]:
        """What the replies of the last days came to, the first day first."""
        since = (now() - timedelta(days=SHOWN_DAYS)).date().isoformat()
        query = select(_s.day, _s.questions, _s.answers).where(
            _s.place == self._place, _s.persona_id == persona_id, _s.day >= since, _s.state == "done"
        )
        query = query.order_by(_s.sampled_at.desc()).limit(MOST_REPLIES)
        verdicts_by_key: dict[tuple[str, str, str], list[bool]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                for question, answer in zip(row.questions, row.answers, strict=False):
                    key = (row.day, question, str(answer.get("judge", "")))
                    verdicts_by_key.setdefault(key, []).append(answer.get("verdict") is True)
        return tuple(
            SampledAnswers(*key, hits=sum(verdicts), count=len(verdicts))
            for key, verdicts in sorted(verdicts_by_key.items())
        )

    def measured(self, owner: str, persona_id: str, *, limit: int = 10) -> tuple[MeasuredReply, ...]:
        """An owner's own replies of the last days that have all answers, those least like it first."""
        since = (now() - timedelta(days=SHOWN_DAYS)).date().isoformat()
        query = (
            select(_s.turn_id, _s.day, _s.answers, _c.id, _c.title)
            .join(turns, _t.id == _s.turn_id)
            .join(conversations, _c.id == _t.conversation_id)
            .where(_s.place == self._place, _s.persona_id == persona_id, _s.state == "done")
            .where(_c.owner == owner, _c.deleted_at.is_(None), _t.deleted_at.is_(None), _s.day >= since)
            .order_by(_s.sampled_at.desc())
            .limit(MOST_REPLIES)
        )
        replies = []
        with self._database.read() as connection:
            for row in connection.execute(query):
                verdicts = [answer.get("verdict") for answer in row.answers]
                if verdicts and all(isinstance(each, bool) for each in verdicts):
                    share = sum(verdicts) / len(verdicts)
                    replies.append(MeasuredReply(row.id, row.title, row.turn_id, share, row.day))
        return tuple(sorted(replies, key=lambda each: each.share)[:limit])

    def today(self, persona_id: str) -> tuple[int, float]:
        """How many replies of today (UTC) are taken, and what they cost with what is set aside."""
        query = select(func.count(), func.coalesce(func.sum(_s.cost_usd), 0.0)).where(
            _s.place == self._place, _s.persona_id == persona_id, _s.day == now().date().isoformat()
        )
        with self._database.read() as connection:
            count, spent = connection.execute(query).one()
        return int(count), float(spent)

    def _left_behind(self, connection: Connection, persona_id: str) -> Sampled | None:
        """A reply that a dead process had begun with, or this one before the database failed."""
        begun = select(_s.turn_id, _s.process_id, _s.questions, _s.answers).where(
            _s.place == self._place, _s.persona_id == persona_id, _s.state == "begun"
        )
        rows = connection.execute(begun).all()
        others = {row.process_id for row in rows} - {self._process_id}
        process_ids = {self._process_id}
        if others and not nobody_can_tell(self._database):
            process_ids |= dead(self._database, connection, others)
        for row in rows:
            if row.process_id in process_ids:
                answers = _read(connection, row.turn_id, row.questions)
                ours = {"process_id": self._process_id} if answers else {"state": "done"}
                connection.execute(
                    update(sampled_replies).where(_s.turn_id == row.turn_id).values(ours)
                )  # a reply that was deleted meanwhile is done
                if answers:
                    return _going_on(answers, row.answers)
        return None

    def _due(self, connection: Connection, persona_id: str, share: float) -> list[str]:
        """The replies of the sample that nobody has taken, the first first."""
        since = now() - RECENT
        query = (
            select(_t.id)
            .join(conversations, _c.id == _t.conversation_id)
            .where(_c.changed_at >= since, _c.deleted_at.is_(None), _c.kept)
            .where(_t.persona_id == persona_id, _t.role == "assistant", _t.state == "finished")
            .where(_t.created_at >= since, _t.deleted_at.is_(None), _t.text != "")
            .where(~exists().where(_s.turn_id == _t.id))
            .order_by(_t.number)
        )
        return [turn_id for turn_id in connection.scalars(query) if is_sampled(turn_id, share)]

    def _begin(self, connection: Connection, sampled: Sampled, *, day: str, most_usd: float) -> None:
        revision = connection.execute(select(_t.persona_revision).where(_t.id == sampled.turn_id)).scalar()
        row = {
            "turn_id": sampled.turn_id,
            "place": self._place,
            "persona_id": sampled.persona_id,
            "persona_revision": revision or "",
            "day": day,
            "state": "begun",
            "process_id": self._process_id,
            "questions": list(sampled.questions),
            "answers": [],
            "cost_usd": most_usd,
            "sampled_at": now(),
        }
        connection.execute(insert(sampled_replies).values(row))


def _read(connection: Connection, turn_id: str, questions: Sequence[str]) -> Sampled | None:
    """A reply with what the person had said; None where one of them is not there any more."""
    before = turns.alias("before")
    query = (
        select(_t.text, _t.persona_id, _t.provider, _t.model, before.c.text.label("said"))
        .join(conversations, _c.id == _t.conversation_id)
        .join(before, before.c.id == _t.parent_id)
        .where(_t.id == turn_id, before.c.role == "user", _c.deleted_at.is_(None), _t.deleted_at.is_(None))
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    by = f"{row.provider}/{row.model}"
    return Sampled(turn_id, row.persona_id, row.said, row.text, by, tuple(questions))


def _going_on(sampled: Sampled, answers: Sequence[Mapping[str, Any]]) -> Sampled:
    spent = sum(float(answer["cost_usd"] or 0.0) for answer in answers)
    return replace(sampled, answers=tuple(answers), spent_usd=spent)


class SampleResults:
    """What came of the samples, as one person sees it. Methods raise EditingNotAllowed besides.

    Counts are of everybody's replies, and show nothing of what was said; single replies are their own.
    """

    def __init__(self, records: SampledReplies, rights: PersonaRights, *, owner: str) -> None:
        self._records = records
        self._rights = rights
        self._owner = owner

    def answers(self, persona_id: str) -> tuple[SampledAnswers, ...]:
        self._rights.refuse_unless("prompt", persona_id)
        return self._records.answers(persona_id)

    def measured(self, persona_id: str) -> tuple[MeasuredReply, ...]:
        self._rights.refuse_unless("prompt", persona_id)
        return self._records.measured(self._owner, persona_id)

    def today(self, persona_id: str) -> tuple[int, float]:
        """How many replies of today (UTC) are taken, and what they cost with what is set aside, in USD."""
        self._rights.refuse_unless("prompt", persona_id)
        return self._records.today(persona_id)
