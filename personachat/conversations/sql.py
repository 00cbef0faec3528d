"""Conversations in the database: a ConversationStore whose every method is one transaction.

A method that changes a conversation's tree locks its row first. So writers of one conversation take turns,
and nobody appends to a turn that is being deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, delete, insert, select, update

from personachat.conversations import queue as waiting
from personachat.conversations import tree as branches
from personachat.conversations.base import no_such_turn
from personachat.conversations.insertion import insert_turns, retitle
from personachat.conversations.known_turns import KnownTurns
from personachat.conversations.model import Conversation, QueuedMessage, Rating, SentRequest, Turn
from personachat.conversations.ownership import OWNED, is_owned, owned_head, owned_turn, visible_turn
from personachat.conversations.rows import conversation_of, request_of, turn_of
from personachat.conversations.tables import conversations, prompts
from personachat.conversations.tables import turns as turns_table
from personachat.conversations.titles import MOST_READ_MESSAGES, retitled
from personachat.conversations.variables import merged
from personachat.database.connection import Database
from personachat.database.processes import announce
from personachat.messages import storable
from personachat.stamps import new_id, now

_HEAD = ("id", "owner", "title", "leaf_id", "created_at", "updated_at", "variables", "settings")


class SqlConversations:
    """A ConversationStore in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known_turns = KnownTurns()

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
        moment = now()
        head = Conversation(
            id=new_id(),
            owner=owner,
            durable=durable,
            title=retitled("", [], [turn.as_message() for turn in turns]),
            leaf_id=turns[-1].id if turns else None,
            created_at=moment,
            updated_at=moment,
            variables=merged({}, variables or {}),
            settings=settings or {},
        )
        with self._database.write() as connection:
            connection.execute(
                insert(conversations), {"kept": head.durable, **{name: getattr(head, name) for name in _HEAD}}
            )
            if turns:
                self._insert(connection, head.id, turns, requests=requests, process_id=process_id)
        return head

    def get(
        self, owner: str, conversation_id: str, *, last: int | None = None, with_siblings: bool = True
    ) -> Conversation:
        with self._database.read() as connection:
            row = owned_head(connection, owner, conversation_id)
            head = conversation_of(row, queue=waiting.queue_of(connection, conversation_id))
            most = None if last is None else max(last, 1)
            rows = branches.path_rows(connection, row.leaf_id, last=most) if row.leaf_id is not None else ()
            if row.leaf_id is not None and not rows:  # it no longer exists
                head = replace(head, leaf_id=branches.newest_in(connection, conversation_id))
                rows = branches.path_rows(connection, head.leaf_id, last=most) if head.leaf_id else ()
            if not rows:
                return head
            path = tuple(map(self._known_turns.turn, rows))
            length = path[-1].depth + 1
            if last is not None:
                path = path[len(path) - min(last, len(path)) :]
            if not with_siblings:
                return replace(head, length=length, path=path)
            siblings = branches.siblings(connection, path, conversation_id=conversation_id)
        return replace(head, length=length, path=path, siblings=siblings)

    def tree(self, owner: str, conversation_id: str) -> tuple[Turn, ...]:
        with self._database.read() as connection:
            owned_head(connection, owner, conversation_id)
            return branches.visible_turns(connection, conversation_id)

    def turn(self, owner: str, turn_id: str) -> tuple[str, Turn]:
        with self._database.read() as connection:
            row = visible_turn(connection, owner, turn_id)
            return row.conversation_id, turn_of(row)

    def path(self, owner: str, turn_id: str) -> tuple[Turn, ...]:
        with self._database.read() as connection:
            owned_turn(connection, owner, turn_id)
            rows = branches.path_rows(connection, turn_id)
            if any(row.deleted_at is not None for row in rows):
                raise no_such_turn()
            return tuple(turn_of(row) for row in rows)

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
        values: dict[str, Any] = {"updated_at": now()}
        if turns:
            values["leaf_id"] = turns[-1].id
        which = {"owned_by": owner, "this": conversation_id, "only_after": only_after}
        with self._database.write() as connection:
            head = connection.execute(_GOES_ON, {**values, **which}).first()
            if head is None:
                leaf_id = owned_head(connection, owner, conversation_id, hold=True).leaf_id
                if leaf_id is None or branches.is_stored(connection, leaf_id):
                    return False
                if branches.newest_in(connection, conversation_id) != only_after:
                    return False
                branches.show(connection, conversation_id, only_after)
                head = connection.execute(_GOES_ON, {**values, **which}).one()
            if variables:
                _give(connection, conversation_id, head.variables, variables)
            if turns:
                above = self._insert(
                    connection,
                    conversation_id,
                    turns,
                    visible_leaf=only_after,
                    requests=requests,
                    process_id=process_id,
                )
                if not head.has_own_title and not (head.title and above >= MOST_READ_MESSAGES):
                    retitle(connection, conversation_id, head.title, turns)
        return True

    def show(self, owner: str, conversation_id: str, turn_id: str | None) -> None:
        with self._database.write() as connection:
            owned_head(connection, owner, conversation_id, hold=True)
            if turn_id is not None and not branches.is_visible(
                connection, turn_id, conversation_id=conversation_id
            ):
                raise no_such_turn()
            branches.show(connection, conversation_id, turn_id)

    def show_branch(self, owner: str, conversation_id: str, turn_id: str) -> None:
        with self._database.write() as connection:
            owned_head(connection, owner, conversation_id, hold=True)
            if not branches.is_visible(connection, turn_id, conversation_id=conversation_id):
                raise no_such_turn()
            branches.show(connection, conversation_id, branches.newest_below(connection, turn_id))

    def request(self, owner: str, turn_id: str) -> SentRequest | None:
        with self._database.read() as connection:
            visible_turn(connection, owner, turn_id)
            request = connection.execute(
                select(turns_table.c.request).where(turns_table.c.id == turn_id)
            ).scalar()
            if request is None:
                return None
            query = select(prompts.c.messages).where(prompts.c.id == str(request.get("prompt_id")))
            messages = connection.execute(query).scalar_one_or_none()
            return None if messages is None else request_of(request, messages)

    def rate(self, owner: str, turn_id: str, rating: Rating | None, *, note: str = "") -> None:
        values = {"rating": rating, "rating_note": storable(note)}
        with self._database.write() as connection:
            visible_turn(connection, owner, turn_id)
            connection.execute(update(turns_table).where(turns_table.c.id == turn_id).values(values))

    def delete_turn(self, owner: str, turn_id: str) -> str | None:
        with self._database.write() as connection:
            conversation_id = owned_turn(connection, owner, turn_id).conversation_id
            before: str | None = owned_head(connection, owner, conversation_id, hold=True).leaf_id
            turn = visible_turn(connection, owner, turn_id)
            is_shown = branches.is_on_path(connection, turn_id, leaf_id=before)
            branches.mark_deleted(connection, turn_id, at=now())
            if is_shown:
                sibling = branches.newest_sibling(connection, turn)
                leaf_id = branches.newest_below(connection, sibling) if sibling else turn.parent_id
                branches.show(connection, conversation_id, leaf_id)
        return before

    def restore_turn(self, owner: str, turn_id: str, *, leaf_id: str | None) -> None:
        with self._database.write() as connection:
            conversation_id = owned_turn(connection, owner, turn_id).conversation_id
            owned_head(connection, owner, conversation_id, hold=True)
            branches.mark_deleted(connection, turn_id, at=None)
            if leaf_id is not None and not branches.is_visible(
                connection, leaf_id, conversation_id=conversation_id
            ):
                raise no_such_turn()
            branches.show(connection, conversation_id, leaf_id)

    def give(self, owner: str, conversation_id: str, variables: Mapping[str, str]) -> None:
        with self._database.write() as connection:
            before = owned_head(connection, owner, conversation_id, hold=True).variables
            _give(connection, conversation_id, before, variables)

    def adjust(self, owner: str, conversation_id: str, settings: Mapping[str, Any]) -> None:
        with self._database.write() as connection:
            before = owned_head(connection, owner, conversation_id, hold=True).settings or {}
            if settings != before:
                mine = update(conversations).where(conversations.c.id == conversation_id)
                connection.execute(mine.values(settings=dict(settings) or None))

    def keep(self, owner: str, conversation_id: str) -> None:
        with self._database.write() as connection:
            owned_head(connection, owner, conversation_id, hold=True)
            connection.execute(
                update(conversations).where(is_owned(owner, conversation_id)).values(kept=True)
            )

    def queue(self, owner: str, conversation_id: str, message: QueuedMessage) -> None:
        with self._database.write() as connection:
            owned_head(connection, owner, conversation_id, hold=True)
            waiting.put(connection, conversation_id, message)

    def unqueue(
        self, owner: str, conversation_id: str, message_id: str | None = None
    ) -> QueuedMessage | None:
        with self._database.write() as connection:
            owned_head(connection, owner, conversation_id, hold=True)
            return waiting.take(connection, conversation_id, message_id)

    def waiting(self, owner: str, conversation_id: str) -> tuple[QueuedMessage, ...]:
        with self._database.read() as connection:
            return waiting.owned_queue(connection, owner, conversation_id)

    def discard(self, owner: str, conversation_id: str) -> None:
        this_one = and_(conversations.c.id == conversation_id, conversations.c.owner == owner)
        with self._database.write() as connection:
            connection.execute(delete(conversations).where(this_one))

    def _insert(
        self,
        connection: Connection,
        conversation_id: str,
        turns: Sequence[Turn],
        *,
        visible_leaf: str | None = None,
        requests: Mapping[str, SentRequest] | None,
        process_id: str | None,
    ) -> int:
        """Returns how many turns are above them."""
        if process_id is not None and any(turn.reply and turn.reply.live for turn in turns):
            announce(self._database, connection, process_id)
        return insert_turns(
            connection,
            conversation_id,
            turns,
            visible_leaf=visible_leaf,
            requests=requests or {},
            process_id=process_id,
        )


_GOES_ON = (
    update(conversations)
    .where(
        OWNED,
        conversations.c.leaf_id.is_not_distinct_from(bindparam("only_after", type_=String)),
    )
    .returning(conversations.c.title, conversations.c.has_own_title, conversations.c.variables)
)
"""Built once: that takes longer than executing it."""


def _give(
    connection: Connection,
    conversation_id: str,
    before: Mapping[str, str] | None,
    variables: Mapping[str, str],
) -> None:
    values = merged(before or {}, variables)
    if values != (before or {}):
        mine = update(conversations).where(conversations.c.id == conversation_id)
        connection.execute(mine.values(variables=values or None))
