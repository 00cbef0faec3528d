"""Search finds titles, and letters by their plain spelling: "lodz" for Łódź, "strasse" for Straße.

A conversation's title is indexed with its first messages. Letters that Unicode does not take apart into a
letter and an accent are spelled out in the index as `personachat.history.query` spells them in a query.
"""
# ruff: noqa: S608  # every part of these statements is written here

from __future__ import annotations

import importlib

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

library = importlib.import_module("personachat.database.migrations.versions.0002_library")

SPELLINGS = {
    "ss": "ßẞ",
    "ae": "æÆ",
    "oe": "œŒ",
    "th": "þÞ",
    "l": "łŁ",
    "o": "øØ",
    "d": "đĐðÐ",
    "h": "ħĦ",
    "t": "ŧŦ",
}

CHANGED = ("text", "state", "deleted_at", "rating", "model", "persona_id")


def upgrade() -> None:
    statements = _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql()
    for statement in statements:
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        statements = [*_sqlite_dropped(), *library.SQLITE[:-1]]  # the last one was never dropped
    else:
        statements = [
            "DROP TRIGGER conversations_renamed ON conversations",
            "DROP FUNCTION reindex_renamed()",
            *(
                statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
                for statement in library._postgresql()[:2]  # noqa: SLF001  # migration 0002 stays as it is
            ),
            "UPDATE turn_words w SET words = indexed_words(t) FROM turns t WHERE w.number = t.number",
        ]
    for statement in statements:
        op.execute(sa.text(statement.replace(":", "\\:")))


def _spelled_out(words: str) -> str:
    for plain, letters in SPELLINGS.items():
        for letter in letters:
            words = f"replace({words}, '{letter}', '{plain}')"
    return words


# --- SQLite -----------------------------------------------------------------------------------------


def _words(conversation: str, turn: str) -> str:
    """What is indexed of a turn: a conversation's first messages stand for its title, too."""
    words = (
        f"(CASE WHEN {turn}.parent_id IS NULL THEN {conversation}.title || char(10) ELSE '' END"
        f" || {turn}.text)"
    )
    is_ascii = f"length(CAST({words} AS BLOB)) = length({words})"
    return f"CASE WHEN {is_ascii} THEN {words} ELSE {_spelled_out(words)} END"


def _facts(conversation: str, turn: str) -> str:
    return str(library._facts(conversation, turn))  # noqa: SLF001  # migration 0002 stays as it is


def _is_indexed(turn: str) -> str:
    return str(library._is_indexed(turn))  # noqa: SLF001  # migration 0002 stays as it is


def _learn(turn: str, condition: str = "true", *, conversation: str = "c", source: str) -> str:
    return (
        f"INSERT INTO turn_words(rowid, text, facts) SELECT {turn}.number, {_words(conversation, turn)},"
        f" {_facts(conversation, turn)} FROM {source} AND {condition};"
    )


def _forget(turn: str, condition: str = "true", *, conversation: str = "c", source: str) -> str:
    return (
        "INSERT INTO turn_words(turn_words, rowid, text, facts)"
        f" SELECT 'delete', {turn}.number, {_words(conversation, turn)}, {_facts(conversation, turn)}"
        f" FROM {source} AND {condition};"
    )


def _columns(row: str) -> str:
    return "(" + ", ".join(f"{row}.{column}" for column in CHANGED) + ")"


def _sqlite_dropped() -> list[str]:
    triggers = ("turns_inserted", "turns_updated", "turns_deleted", "conversations_archived")
    return [
        *(f"DROP TRIGGER {name}" for name in triggers),
        "DROP TABLE turn_words",
        "DROP VIEW indexed_turns",
    ]


def _sqlite() -> list[str]:
    new = "conversations c WHERE c.id = NEW.conversation_id"
    old = "conversations c WHERE c.id = OLD.conversation_id"
    turns = f"turns t WHERE t.conversation_id = NEW.id AND {_is_indexed('t')}"
    moved = "(OLD.archived IS NOT NEW.archived OR (OLD.title IS NOT NEW.title AND t.parent_id IS NULL))"
    return [
        *_sqlite_dropped(),
        f"""CREATE VIEW indexed_turns AS
            SELECT t.number, {_words("c", "t")} AS text, {_facts("c", "t")} AS facts
            FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE {_is_indexed("t")}""",
        library.SQLITE[1],
        library.SQLITE[2],
        f"""CREATE TRIGGER turns_inserted AFTER INSERT ON turns WHEN {_is_indexed("NEW")}
            BEGIN {_learn("NEW", source=new)} END""",
        f"""CREATE TRIGGER turns_updated AFTER UPDATE OF {", ".join(CHANGED)} ON turns
            WHEN (({_is_indexed("OLD")}) OR ({_is_indexed("NEW")}))
            AND {_columns("OLD")} IS NOT {_columns("NEW")}
            BEGIN {_forget("OLD", _is_indexed("OLD"), source=old)}
            {_learn("NEW", _is_indexed("NEW"), source=new)} END""",
        f"""CREATE TRIGGER turns_deleted AFTER DELETE ON turns WHEN {_is_indexed("OLD")}
            BEGIN {_forget("OLD", source=old)} END""",
        f"""CREATE TRIGGER conversations_archived AFTER UPDATE OF archived, title ON conversations
            WHEN OLD.archived IS NOT NEW.archived OR OLD.title IS NOT NEW.title BEGIN
            {_forget("t", moved, conversation="OLD", source=turns)}
            {_learn("t", moved, conversation="NEW", source=turns)} END""",
    ]


# --- PostgreSQL -------------------------------------------------------------------------------------


def _postgresql() -> list[str]:
    unicode = op.get_bind().scalar(sa.text("SELECT current_setting('server_encoding')")) == "UTF8"
    plain = str(library._postgresql()[0])  # noqa: SLF001  # migration 0002 stays as it is
    if unicode:
        plain = plain.replace("normalize(words, NFKD)", f"normalize({_spelled_out('words')}, NFKD)")
    return [
        plain.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"),
        """CREATE OR REPLACE FUNCTION indexed_words(turn turns) RETURNS tsvector LANGUAGE plpgsql AS $$
        DECLARE
            facts tsvector;
            said text;
        BEGIN
            SELECT array_to_tsvector(array_remove(ARRAY[
                '=o' || c.owner, CASE WHEN c.archived THEN '=archived' END,
                '=p' || turn.persona_id, '=m' || turn.model,
                '=r' || turn.rating, '=d' || to_char(turn.created_at AT TIME ZONE 'UTC', 'YYYYMM')], NULL)),
                CASE WHEN turn.parent_id IS NULL THEN c.title || chr(10) ELSE '' END || turn.text
            INTO facts, said FROM conversations c WHERE c.id = turn.conversation_id;
            RETURN to_tsvector('simple', plain_words(said)) || facts;
        EXCEPTION WHEN program_limit_exceeded THEN  -- more words than one vector holds
            RETURN to_tsvector('simple', plain_words(left(said, 100000))) || facts;
        END $$""",
        """UPDATE turn_words w SET words = indexed_words(t) FROM turns t
            WHERE w.number = t.number AND (t.parent_id IS NULL OR octet_length(t.text) <> length(t.text))""",
        """CREATE FUNCTION reindex_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE turn_words w SET words = indexed_words(t)
            FROM turns t WHERE t.conversation_id = NEW.id AND t.parent_id IS NULL AND w.number = t.number;
            RETURN NULL;
        END $$""",
        """CREATE TRIGGER conversations_renamed AFTER UPDATE OF title ON conversations
            FOR EACH ROW WHEN (OLD.title IS DISTINCT FROM NEW.title)
            EXECUTE FUNCTION reindex_renamed()""",
    ]
