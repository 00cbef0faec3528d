"""What listing, searching and sharing need: indexes, full text, shares.

A turn is in the full-text index with its words and its facts: owner, persona, model, rating, month, and
whether its conversation is archived, each as one word, so that the index alone narrows a search down.
Triggers keep it; a reply that is still being written is not in it, so that writing it often costs nothing
here. `personachat.history.fulltext` asks it.
"""
# ruff: noqa: S608  # every part of these statements is written here

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "shares",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column(
            "conversation_id",
            sa.String(32),
            sa.ForeignKey("conversations.id", ondelete="CASCADE", name="fk_shares_conversation_id"),
            nullable=False,
        ),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("leaf_id", sa.String(32), nullable=False),
        sa.Column("leaf_characters", sa.Integer, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("uq_shares_conversation_id", "shares", ["conversation_id"], unique=True)
    _create_indexes()
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(sa.text(statement.replace(":", "\\:")))


def _create_indexes() -> None:
    listed = sa.text("deleted_at IS NULL AND title <> ''")
    op.create_index(
        "ix_conversations_listed",
        "conversations",
        ["owner", "archived", "updated_at", "id"],
        sqlite_where=listed,
        postgresql_where=listed,
    )
    op.create_index(
        "ix_conversations_pinned",
        "conversations",
        ["owner", "archived", "updated_at", "id"],
        sqlite_where=sa.text("pinned = 1 AND deleted_at IS NULL"),
        postgresql_where=sa.text("pinned AND deleted_at IS NULL"),
    )
    deleted = sa.text("deleted_at IS NOT NULL")
    for table, columns in (("conversations", ["deleted_at"]), ("turns", ["conversation_id"])):
        op.create_index(f"ix_{table}_deleted", table, columns, sqlite_where=deleted, postgresql_where=deleted)
    op.create_index(
        "ix_turns_voices", "turns", ["conversation_id", "persona_id", "model", "rating", "deleted_at"]
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("inserted", "updated", "deleted"):
            op.execute(f"DROP TRIGGER turns_{name}")
        for name in ("archived", "deleted"):
            op.execute(f"DROP TRIGGER conversations_{name}")
        op.execute("DROP TABLE turn_words")
        op.execute("DROP VIEW indexed_turns")
    else:
        op.execute("DROP TRIGGER turns_inserted ON turns")
        op.execute("DROP TRIGGER turns_updated ON turns")
        op.execute("DROP TRIGGER conversations_archived ON conversations")
        op.execute("DROP TABLE turn_words")
        op.execute("DROP FUNCTION reindex_archived()")
        op.execute("DROP FUNCTION index_turn()")
        op.execute("DROP FUNCTION indexed_words(turns)")
        op.execute("DROP FUNCTION plain_words(text)")
    for name, table in (
        ("ix_turns_voices", "turns"),
        ("ix_turns_deleted", "turns"),
        ("ix_conversations_deleted", "conversations"),
        ("ix_conversations_pinned", "conversations"),
        ("ix_conversations_listed", "conversations"),
        ("uq_shares_conversation_id", "shares"),
    ):
        op.drop_index(name, table)
    op.drop_table("shares")


# --- SQLite -----------------------------------------------------------------------------------------

_CHANGED = ("text", "state", "deleted_at", "rating", "model", "persona_id")


def _is_indexed(turn: str) -> str:
    return (
        f"{turn}.deleted_at IS NULL AND ({turn}.state IS NULL OR {turn}.state NOT IN ('running', 'paused'))"
    )


def _facts(conversation: str, turn: str) -> str:
    return (
        f"'o' || hex({conversation}.owner) || ' a' || {conversation}.archived"
        f" || ' p' || hex({turn}.persona_id) || ' m' || hex({turn}.model)"
        f" || CASE {turn}.rating WHEN 1 THEN ' rgood' WHEN -1 THEN ' rbad' ELSE '' END"
        f" || ' d' || strftime('%Y%m', {turn}.created_at)"
    )


def _learn(turn: str, condition: str = "true") -> str:
    return (
        f"INSERT INTO turn_words(rowid, text, facts) SELECT {turn}.number, {turn}.text, {_facts('c', turn)}"
        f" FROM conversations c WHERE c.id = {turn}.conversation_id AND {condition};"
    )


def _forget(turn: str, condition: str = "true") -> str:
    return (
        f"INSERT INTO turn_words(turn_words, rowid, text, facts)"
        f" SELECT 'delete', {turn}.number, {turn}.text, {_facts('c', turn)}"
        f" FROM conversations c WHERE c.id = {turn}.conversation_id AND {condition};"
    )


def _columns(row: str) -> str:
    return "(" + ", ".join(f"{row}.{column}" for column in _CHANGED) + ")"


SQLITE = (
    f"""CREATE VIEW indexed_turns AS
        SELECT t.number, t.text, {_facts("c", "t")} AS facts
        FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE {_is_indexed("t")}""",
    # Marks count as letters: in many scripts they are the vowels.
    """CREATE VIRTUAL TABLE turn_words USING fts5(
        text, facts, content='indexed_turns', content_rowid='number', prefix='2 3',
        tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'")""",
    "INSERT INTO turn_words(turn_words) VALUES ('rebuild')",
    f"""CREATE TRIGGER turns_inserted AFTER INSERT ON turns WHEN {_is_indexed("NEW")}
        BEGIN {_learn("NEW")} END""",
    f"""CREATE TRIGGER turns_updated AFTER UPDATE OF {", ".join(_CHANGED)} ON turns
        WHEN (({_is_indexed("OLD")}) OR ({_is_indexed("NEW")})) AND {_columns("OLD")} IS NOT {_columns("NEW")}
        BEGIN {_forget("OLD", _is_indexed("OLD"))} {_learn("NEW", _is_indexed("NEW"))} END""",
    f"""CREATE TRIGGER turns_deleted AFTER DELETE ON turns WHEN {_is_indexed("OLD")}
        BEGIN {_forget("OLD")} END""",
    f"""CREATE TRIGGER conversations_archived AFTER UPDATE OF archived ON conversations
        WHEN OLD.archived IS NOT NEW.archived BEGIN
        INSERT INTO turn_words(turn_words, rowid, text, facts)
            SELECT 'delete', t.number, t.text, {_facts("OLD", "t")}
            FROM turns t WHERE t.conversation_id = NEW.id AND {_is_indexed("t")};
        INSERT INTO turn_words(rowid, text, facts) SELECT t.number, t.text, {_facts("NEW", "t")}
            FROM turns t WHERE t.conversation_id = NEW.id AND {_is_indexed("t")}; END""",
    # The turns go first, while the index can still be told whose they were.
    """CREATE TRIGGER conversations_deleted BEFORE DELETE ON conversations BEGIN
        DELETE FROM turns WHERE conversation_id = OLD.id; END""",
)


# --- PostgreSQL -------------------------------------------------------------------------------------

_SEPARATORS = (
    r"[\x01-/:-@\[-`{-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u1680\u180e"
    r"\u2000-\u206f\u2190-\u2bff\u3000-\u3004\u3008-\u3020\u3030\ufe10-\ufe1f\ufe30-\ufe6f\ufeff\uff01-\uff0f"
    r"\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\ufff9-\uffff\U0001f000-\U0001faff]+"
)
"""What stands between words: spelled out, so that it is the same in every locale."""


def _postgresql() -> list[str]:
    unicode = op.get_bind().scalar(sa.text("SELECT current_setting('server_encoding')")) == "UTF8"
    collations = op.get_bind().scalars(sa.text("SELECT collname FROM pg_collation")).all()
    collation = next((name for name in ("pg_c_utf8", "und-x-icu") if unicode and name in collations), None)
    plain = (
        "regexp_replace(normalize(regexp_replace(normalize(words, NFKD), '[\\u0300-\\u036f]', '', 'g'), NFC)"
        f", '{_SEPARATORS}', ' ', 'g')"
    )
    lower = f'lower({plain} COLLATE "{collation}")' if collation else f"lower({plain})"
    ascii_only = r"lower(regexp_replace(words, '[\x01-/:-@\[-`{-\x7f]+', ' ', 'g'))"
    other = lower if unicode else ascii_only
    return [
        # Only letters and digits reach PostgreSQL's parser, which would make hosts and paths of the rest.
        f"""CREATE FUNCTION plain_words(words text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT CASE WHEN octet_length(words) = length(words) THEN {ascii_only} ELSE {other} END $$""",
        """CREATE FUNCTION indexed_words(turn turns) RETURNS tsvector LANGUAGE plpgsql AS $$
        DECLARE
            facts tsvector;
        BEGIN
            SELECT array_to_tsvector(array_remove(ARRAY[
                '=o' || c.owner, CASE WHEN c.archived THEN '=archived' END,
                '=p' || turn.persona_id, '=m' || turn.model,
                '=r' || turn.rating, '=d' || to_char(turn.created_at AT TIME ZONE 'UTC', 'YYYYMM')], NULL))
            INTO facts FROM conversations c WHERE c.id = turn.conversation_id;
            RETURN to_tsvector('simple', plain_words(turn.text)) || facts;
        EXCEPTION WHEN program_limit_exceeded THEN  -- more words than one vector holds
            RETURN to_tsvector('simple', plain_words(left(turn.text, 100000))) || facts;
        END $$""",
        """CREATE TABLE turn_words (
            number integer PRIMARY KEY REFERENCES turns (number) ON DELETE CASCADE,
            owner text NOT NULL,
            words tsvector NOT NULL)""",
        f"""INSERT INTO turn_words
            SELECT t.number, c.owner, indexed_words(t)
            FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE {_is_indexed("t")}""",
        "CREATE INDEX ix_turn_words_owner ON turn_words (owner, number)",
        "CREATE INDEX ix_turn_words_words ON turn_words USING gin (words)",
        f"""CREATE FUNCTION index_turn() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {_is_indexed("NEW")} THEN
                INSERT INTO turn_words
                    SELECT NEW.number, c.owner, indexed_words(NEW) FROM conversations c
                    WHERE c.id = NEW.conversation_id
                ON CONFLICT (number) DO UPDATE SET words = excluded.words;
            ELSE
                DELETE FROM turn_words WHERE number = NEW.number;
            END IF;
            RETURN NULL;
        END $$""",
        f"""CREATE TRIGGER turns_inserted AFTER INSERT ON turns
            FOR EACH ROW WHEN ({_is_indexed("NEW")}) EXECUTE FUNCTION index_turn()""",
        f"""CREATE TRIGGER turns_updated AFTER UPDATE OF {", ".join(_CHANGED)} ON turns FOR EACH ROW
            WHEN ((({_is_indexed("OLD")}) OR ({_is_indexed("NEW")}))
                AND {_columns("OLD")} IS DISTINCT FROM {_columns("NEW")})
            EXECUTE FUNCTION index_turn()""",
        """CREATE FUNCTION reindex_archived() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE turn_words w SET words = indexed_words(t)
            FROM turns t WHERE t.conversation_id = NEW.id AND w.number = t.number;
            RETURN NULL;
        END $$""",
        """CREATE TRIGGER conversations_archived AFTER UPDATE OF archived ON conversations
            FOR EACH ROW WHEN (OLD.archived IS DISTINCT FROM NEW.archived)
            EXECUTE FUNCTION reindex_archived()""",
    ]
