"""Comparisons in the database. Each method is one transaction and names the owner.

Someone else's comparison, or a deleted one, raises what an unknown id raises: ComparisonNotFound.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    exists,
    func,
    insert,
    select,
    true,
    update,
)

from personachat.conversations.tables import conversations
from personachat.database.connection import Database
from personachat.database.processes import announce, dead, nobody_can_tell
from personachat.errors import ComparisonNotFound, ShareNotFound
from personachat.lab.comparisons.model import Comparison, ListedComparison, ListState, Round, Variant, Vote
from personachat.lab.comparisons.question_sets import purge as purge_question_sets
from personachat.lab.comparisons.tables import (
    comparison_rounds,
    comparison_variants,
    comparison_votes,
    comparisons,
)
from personachat.owners import comparing
from personachat.stamps import new_id, now

KEPT_AFTER_DELETION = timedelta(days=30)

NAMES_REVEALED = "the names had been shown"
"""Why a vote in a blind comparison doesn't count."""

_TOKEN_BYTES = 32
_TOKEN = re.compile("[A-Za-z0-9_-]{43}")

_c, _v, _r = comparisons.c, comparison_variants.c, comparison_rounds.c
_VARIANT = ("id", "number", "group", "name", "persona_id", "etag", "text", "model", "setup")


class SqlComparisons:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, comparison: Comparison) -> None:
        with self._database.write() as connection:
            connection.execute(
                insert(comparisons).values(
                    id=comparison.id,
                    owner=comparison.owner,
                    title=comparison.title,
                    blind=comparison.blind,
                    waiting=list(comparison.waiting) or None,
                    most_cost_usd=comparison.most_cost_usd,
                    created_at=comparison.created_at,
                    updated_at=comparison.updated_at,
                )
            )
            rows = [
                {name: getattr(each, name) for name in _VARIANT} | {"comparison_id": comparison.id}
                for each in comparison.variants
            ]
            connection.execute(insert(comparison_variants), rows)

    def get(self, owner: str, comparison_id: str) -> Comparison:
        with self._database.read() as connection:
            head = head_of(connection, owner, comparison_id)
            rounds = (
                select(comparison_rounds, *comparison_votes.c)
                .outerjoin(comparison_votes, comparison_votes.c.round_id == _r.id)
                .where(_r.comparison_id == comparison_id)
                .order_by(_r.number)
            )
            rounds_in_order = tuple(_round(row) for row in connection.execute(rounds))
            state, notice = self._list_of(connection, head)
            comparison = _comparison(head, _variants(connection, comparison_id), rounds_in_order)
            sending_id = (state == "sending" and head.list_sending_id) or ""
            return replace(comparison, list_state=state, list_notice=notice, list_sending_id=sending_id)

    def newest(self, owner: str, *, limit: int, sought: str = "") -> tuple[ListedComparison, ...]:
        """Newest first; only those whose title or one of whose messages contains `sought`."""
        votes = (
            select(func.count())
            .select_from(comparison_votes.join(comparison_rounds, comparison_votes.c.round_id == _r.id))
            .where(_r.comparison_id == _c.id)
            .scalar_subquery()
        )
        rounds = select(func.count()).where(_r.comparison_id == _c.id).scalar_subquery()
        query = select(
            _c.id,
            _c.title,
            _c.blind,
            rounds.label("rounds"),
            votes.label("votes"),
            _c.created_at,
            _c.updated_at,
        ).where(_c.owner == owner, _c.deleted_at.is_(None), _has(sought))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_c.updated_at.desc(), _c.id).limit(limit)).all()
        return tuple(ListedComparison(*row) for row in rows)

    def open_votes(self, owner: str) -> frozenset[str]:
        """The comparisons in which replies wait for a blind vote of the owner."""
        with self._database.read() as connection:
            return frozenset(connection.scalars(_open_votes(owner)))

    def awaiting_votes(self, owner: str) -> frozenset[str]:
        """The conversations behind the columns of all those."""
        columns = select(_v.conversation_id).where(
            _v.comparison_id.in_(_open_votes(owner)), _v.conversation_id.is_not(None)
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(columns))

    def voted(self, owner: str | None, *, sought: str = "") -> tuple[Comparison, ...]:
        """All comparisons with votes that count, with the rounds that have one; `sought` as in `newest`.

        Those of one owner, or of everybody (None).
        """
        mine = true() if owner is None else _c.owner == owner
        ours = select(comparisons).where(mine, _c.deleted_at.is_(None), _has(sought))
        counted = (
            select(comparison_rounds, *comparison_votes.c)
            .join(comparison_votes, comparison_votes.c.round_id == _r.id)
            .where(comparison_votes.c.counted)
        )
        ids = ours.with_only_columns(_c.id)
        rounds: dict[str, list[Round]] = {}
        variants: dict[str, list[Variant]] = {}
        with self._database.read() as connection:
            heads = connection.execute(ours.order_by(_c.created_at, _c.id)).all()
            query = counted.where(_r.comparison_id.in_(ids)).order_by(_r.number)
            for row in connection.execute(query):
                rounds.setdefault(row.comparison_id, []).append(_round(row))
            voted_on = select(_r.comparison_id).join(
                comparison_votes, (comparison_votes.c.round_id == _r.id) & comparison_votes.c.counted
            )
            variant_rows = select(comparison_variants).where(
                _v.comparison_id.in_(ids), _v.comparison_id.in_(voted_on)
            )
            for row in connection.execute(variant_rows.order_by(_v.number)):
                variants.setdefault(row.comparison_id, []).append(_variant(row))
        return tuple(
            _comparison(head, tuple(variants[head.id]), tuple(rounds[head.id]))
            for head in heads
            if head.id in rounds and head.id in variants
        )

    def keep_conversation(self, variant_id: str, conversation_id: str) -> str:
        """Record a variant's conversation; returns the existing one if someone was faster."""
        with self._database.write() as connection:
            mine = update(comparison_variants).where(_v.id == variant_id, _v.conversation_id.is_(None))
            connection.execute(mine.values(conversation_id=conversation_id))
            first_conversation_id = connection.execute(
                select(_v.conversation_id).where(_v.id == variant_id)
            ).scalar()
        return first_conversation_id or conversation_id

    def add_round(
        self,
        owner: str,
        comparison_id: str,
        added: Round,
        *,
        waited: bool = False,
        sending_id: str | None = None,
    ) -> bool:
        """Add a round; False if the comparison has changed since it was read or that sending has ended.

        The message that `waited` is the first waiting one, and is removed from them.
        """
        with self._database.write() as connection:
            head = head_of(connection, owner, comparison_id, hold=True)
            last = select(func.max(_r.number)).where(_r.comparison_id == comparison_id)
            if (connection.execute(last).scalar() or 0) != added.number - 1:
                return False
            if sending_id not in {None, head.list_sending_id}:
                return False
            connection.execute(
                insert(comparison_rounds).values(
                    id=added.id,
                    comparison_id=comparison_id,
                    number=added.number,
                    message=added.message,
                    shown=list(added.shown),
                    asked=dict(added.asked),
                    revealed=False,
                )
            )
            values: dict[str, Any] = {"updated_at": now()}
            if waited:
                values["waiting"] = (head.waiting or [])[1:] or None
            connection.execute(update(comparisons).where(_c.id == comparison_id).values(values))
        return True

    def reveal(self, owner: str, comparison_id: str, round_id: str) -> None:
        with self._database.write() as connection:
            head_of(connection, owner, comparison_id, hold=True)
            connection.execute(update(comparison_rounds).where(_r.id == round_id).values(revealed=True))

    def vote(self, owner: str, comparison_id: str, round_id: str, vote: Vote) -> bool:
        """Write a vote and show the names; False if there is a blind vote already.

        The same transaction checks whether the names of a blind round had been shown: such a vote isn't
        counted. An open vote replaces the one before.
        """
        with self._database.write() as connection:
            blind = head_of(connection, owner, comparison_id, hold=True).blind
            revealed = connection.execute(select(_r.revealed).where(_r.id == round_id)).scalar()
            if blind and revealed and vote.counted:
                vote = replace(vote, counted=False, why_not=NAMES_REVEALED)
            there = exists().where(comparison_votes.c.round_id == round_id)
            if connection.execute(select(there)).scalar():
                if blind:
                    return False
                connection.execute(delete(comparison_votes).where(comparison_votes.c.round_id == round_id))
            connection.execute(
                insert(comparison_votes).values(
                    round_id=round_id,
                    verdict=vote.verdict,
                    winner=vote.winner,
                    counted=vote.counted,
                    why_not=vote.why_not,
                    voted_at=vote.voted_at,
                )
            )
            connection.execute(update(comparison_rounds).where(_r.id == round_id).values(revealed=True))
        return True

    def begin_list(self, owner: str, comparison_id: str, *, process_id: str) -> str | None:
        """Record who sends what waits; returns the sending's id, or None if a living process sends."""
        with self._database.write() as connection:
            head = head_of(connection, owner, comparison_id, hold=True)
            if self._list_of(connection, head)[0] == "sending":
                return None
            announce(self._database, connection, process_id)
            values = {"list_state": "sending", "list_process_id": process_id, "list_notice": None}
            values["list_sending_id"] = sending_id = new_id()
            connection.execute(update(comparisons).where(_c.id == comparison_id).values(values))
        return sending_id

    def end_list(
        self,
        owner: str,
        comparison_id: str,
        *,
        state: ListState | None,
        notice: str = "",
        sending_id: str | None = None,
    ) -> None:
        """Record that sending has ended, and why; does nothing if there was none.

        With a `sending_id` it also does nothing if another sending has begun.
        """
        mine = [_c.id == comparison_id, _c.owner == owner, _c.list_state == "sending"]
        if sending_id is not None:
            mine.append(_c.list_sending_id == sending_id)
        values = {"list_state": state, "list_notice": notice[:300] or None}
        values |= {"list_process_id": None, "list_sending_id": None}
        with self._database.write() as connection:
            connection.execute(update(comparisons).where(*mine).values(values))

    def _list_of(self, connection: Connection, head: Row[Any]) -> tuple[ListState | None, str]:
        """The state of the sending, and why it stopped."""
        sender = head.list_process_id
        still_sending = head.list_state == "sending" and not nobody_can_tell(self._database)
        if still_sending and dead(self._database, connection, {sender}):
            return "stopped", "PersonaChat was stopped before the list was sent."
        return head.list_state, head.list_notice or ""

    def change(self, owner: str, comparison_id: str, **values: Any) -> None:
        with self._database.write() as connection:
            head_of(connection, owner, comparison_id, hold=True)
            connection.execute(update(comparisons).where(_c.id == comparison_id).values(**values))

    def share(self, owner: str, comparison_id: str) -> str:
        """The token by which anyone can read it; created if there is none."""
        with self._database.write() as connection:
            head = head_of(connection, owner, comparison_id, hold=True)
            token: str = head.share_token or secrets.token_urlsafe(_TOKEN_BYTES)
            mine = update(comparisons).where(_c.id == comparison_id)
            connection.execute(mine.values(share_token=token))
        return token

    def shared(self, token: str) -> tuple[str, str]:
        """The owner and the id behind a token. Raises ShareNotFound, the same whatever the reason."""
        query = select(_c.owner, _c.id).where(_c.share_token == token, _c.deleted_at.is_(None))
        with self._database.read() as connection:
            row = connection.execute(query).first() if _TOKEN.fullmatch(token) else None
        if row is None:
            raise ShareNotFound("This link is invalid or was revoked.", hint="Ask the sender for a new one.")
        return row.owner, row.id

    def restore(self, owner: str, comparison_id: str) -> None:
        """Undo a deletion; one that isn't deleted stays as it is.

        While it was deleted, the ledger showed which models were called: a later blind vote doesn't count.
        """
        with self._database.write() as connection:
            own_deleted_id = select(_c.id).where(
                _c.id == comparison_id, _c.owner == owner, _c.deleted_at.is_not(None)
            )
            statement = update(comparison_rounds).where(_r.comparison_id.in_(own_deleted_id))
            connection.execute(statement.values(revealed=True))
            mine = update(comparisons).where(_c.id == comparison_id, _c.owner == owner)
            if connection.execute(mine.values(deleted_at=None)).rowcount != 1:
                raise no_such_comparison()


def purge(database: Database) -> int:
    """Permanently remove what was deleted long ago, of every owner, with its replies; returns the number."""
    purge_question_sets(database)
    return _remove(database, _c.deleted_at < now() - KEPT_AFTER_DELETION)


def expire(database: Database, *, days: int) -> int:
    """Permanently remove what nobody has used for so many days, of every owner; returns the number."""
    return _remove(database, _c.updated_at < now() - timedelta(days=days))


def _remove(database: Database, which: ColumnElement[bool]) -> int:
    with database.read() as connection:
        comparison_ids = connection.scalars(select(_c.id).where(which)).all()
    count = 0
    for comparison_id in comparison_ids:  # each by itself: others can write in between
        with database.write() as connection:
            still = select(_c.owner).where(_c.id == comparison_id, which).with_for_update()
            owner = connection.execute(still).scalar()
            if owner is None:  # someone has continued it, or restored it
                continue
            count += 1
            replies = select(_v.conversation_id).where(_v.comparison_id == comparison_id)
            mine = delete(conversations).where(conversations.c.id.in_(replies))
            connection.execute(mine.where(conversations.c.owner == comparing(owner)))
            connection.execute(delete(comparisons).where(_c.id == comparison_id))
    return count


def no_such_comparison() -> ComparisonNotFound:
    return ComparisonNotFound("This comparison doesn't exist or was deleted.")


def head_of(connection: Connection, owner: str, comparison_id: str, *, hold: bool = False) -> Row[Any]:
    query = select(comparisons).where(_c.id == comparison_id, _c.owner == owner, _c.deleted_at.is_(None))
    row = connection.execute(query.with_for_update() if hold else query).first()
    if row is None:
        raise no_such_comparison()
    return row


def _open_votes(owner: str) -> Select[tuple[str]]:
    waits = exists().where(_r.comparison_id == _c.id, _r.revealed.is_(False))
    return select(_c.id).where(_c.owner == owner, _c.blind, _c.deleted_at.is_(None), waits)


def _has(sought: str) -> ColumnElement[bool]:
    """Whether a comparison's title or one of its messages contains these words."""
    if not sought:
        return true()
    in_messages = exists().where(_r.comparison_id == _c.id, _r.message.icontains(sought, autoescape=True))
    return _c.title.icontains(sought, autoescape=True) | in_messages


def _variants(connection: Connection, comparison_id: str) -> tuple[Variant, ...]:
    query = select(comparison_variants).where(_v.comparison_id == comparison_id).order_by(_v.number)
    return tuple(_variant(row) for row in connection.execute(query))


def _variant(row: Row[Any]) -> Variant:
    return Variant(**{name: getattr(row, name) for name in _VARIANT}, conversation_id=row.conversation_id)


def _comparison(head: Row[Any], variants: tuple[Variant, ...], rounds: tuple[Round, ...]) -> Comparison:
    return Comparison(
        id=head.id,
        owner=head.owner,
        title=head.title,
        blind=head.blind,
        created_at=head.created_at,
        updated_at=head.updated_at,
        variants=variants,
        rounds=rounds,
        waiting=tuple(head.waiting or ()),
        most_cost_usd=head.most_cost_usd,
    )


def _round(row: Row[Any]) -> Round:
    ids: Sequence[str] = row.shown
    turn_ids: Mapping[str, str] = row.asked
    vote = None
    if row.verdict is not None:
        vote = Vote(row.verdict, row.winner, row.counted, row.why_not, row.voted_at)
    return Round(row.id, row.number, row.message, tuple(ids), turn_ids, row.revealed, vote)
