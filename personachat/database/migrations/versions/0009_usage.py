"""The ledger: a row for each call of a model, and their sums. What was answered until now is put in once.

Those rows are marked as migrated. A turn that was copied into another conversation was one call. What was
still running counts as interrupted: nobody will say how it ended.
"""
# ruff: noqa: S608  # every part of these statements is written here

from __future__ import annotations

import hashlib
import hmac
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

RUNNING = sa.text("outcome = 'running'")

KIND = (
    "owner",
    "purpose",
    "surface",
    "persona_id",
    "persona_revision",
    "provider",
    "model",
    "model_asked",
    "outcome",
    "finish_reason",
    "error_code",
)
SUMMED = (
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_usd",
    "retries",
    "first_token_ms",
    "duration_ms",
)


def upgrade() -> None:
    _create_calls()
    _create_sums()
    op.create_table(
        "usage_people",
        sa.Column("owner", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
    )
    op.create_table(
        "usage_key",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
    )
    key = secrets.token_bytes(32)
    values = sa.table("usage_key", sa.column("id", sa.Integer), sa.column("key", sa.LargeBinary))
    op.get_bind().execute(sa.insert(values).values(id=1, key=key))
    _hash_owners(key)
    _fill_calls()
    op.execute("DROP TABLE usage_owners")
    _fill_sums()


def downgrade() -> None:
    for name in ("usage_days", "usage_quarters", "usage_kinds", "usage_people", "usage_key", "usage_calls"):
        op.drop_table(name)


def _create_calls() -> None:
    op.create_table(
        "usage_calls",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_token_ms", sa.Integer()),
        sa.Column("duration_ms", sa.BigInteger()),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("surface", sa.String(20)),
        sa.Column("persona_id", sa.String(64)),
        sa.Column("persona_revision", sa.String(64)),
        sa.Column("provider", sa.String(80)),
        sa.Column("model", sa.String(200)),
        sa.Column("model_asked", sa.String(200)),
        sa.Column("prompt_tokens", sa.BigInteger()),
        sa.Column("completion_tokens", sa.BigInteger()),
        sa.Column("cached_tokens", sa.BigInteger()),
        sa.Column("reasoning_tokens", sa.BigInteger()),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("cost_usd", sa.Float()),
        sa.Column("outcome", sa.String(11), nullable=False),
        sa.Column("finish_reason", sa.String(20)),
        sa.Column("error_code", sa.String(60)),
        sa.Column("retries", sa.Integer()),
        sa.Column("conversation_id", sa.String(32)),
        sa.Column("turn_id", sa.String(32)),
        sa.Column("process_id", sa.String(32)),
        sa.Column("migrated", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_usage_calls_began_at_id", "usage_calls", ["began_at", "id"])
    op.create_index("ix_usage_calls_owner_began_at_id", "usage_calls", ["owner", "began_at", "id"])
    op.create_index("ix_usage_calls_conversation_id", "usage_calls", ["conversation_id"])
    op.create_index(
        "ix_usage_calls_running",
        "usage_calls",
        ["process_id"],
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )


def _create_sums() -> None:
    op.create_table(
        "usage_kinds",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("surface", sa.String(20)),
        sa.Column("persona_id", sa.String(64)),
        sa.Column("persona_revision", sa.String(64)),
        sa.Column("provider", sa.String(80)),
        sa.Column("model", sa.String(200)),
        sa.Column("model_asked", sa.String(200)),
        sa.Column("outcome", sa.String(11), nullable=False),
        sa.Column("finish_reason", sa.String(20)),
        sa.Column("error_code", sa.String(60)),
    )
    op.create_index(
        "ix_usage_kinds_owner_persona_id_persona_revision",
        "usage_kinds",
        ["owner", "persona_id", "persona_revision"],
    )
    for name, span in (("usage_quarters", "quarter"), ("usage_days", "day")):
        numbers = [
            column
            for number in SUMMED
            for column in (
                sa.Column(number, sa.Float() if number == "cost_usd" else sa.BigInteger(), nullable=False),
                sa.Column(f"{number}_known", sa.BigInteger(), nullable=False),
            )
        ]
        op.create_table(
            name,
            sa.Column(span, sa.Integer(), nullable=False),
            sa.Column("kind_id", sa.Integer(), nullable=False),
            sa.Column("calls", sa.BigInteger(), nullable=False),
            sa.Column("estimated", sa.BigInteger(), nullable=False),
            *numbers,
            sa.PrimaryKeyConstraint(span, "kind_id", name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )


def _hash_owners(key: bytes) -> None:
    """A table, for this transaction only, that says how each owner is hashed."""
    op.execute("CREATE TEMPORARY TABLE usage_owners (name VARCHAR(300) PRIMARY KEY, hash VARCHAR(32))")
    owners = sa.table("usage_owners", sa.column("name", sa.String), sa.column("hash", sa.String))
    all_owners = op.get_bind().execute(sa.text("SELECT DISTINCT owner FROM conversations")).scalars().all()
    rows = [{"name": owner, "hash": _hash(key, owner)} for owner in all_owners]
    if rows:
        op.bulk_insert(owners, rows)
        people = sa.table("usage_people", sa.column("owner", sa.String), sa.column("name", sa.String))
        called = [{"owner": _hash(key, owner), "name": _name(owner)} for owner in all_owners if ":" in owner]
        if called:
            op.bulk_insert(people, called)


def _hash(key: bytes, owner: str) -> str:
    return hmac.new(key, owner.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def _name(owner: str) -> str:
    kind, _, digest = owner.partition(":")
    label = {"token": "API token", "user": "User", "browser": "Visitor"}.get(kind, "Somebody")
    return f"{label} {digest[:4]}".strip()


def _fill_calls() -> None:
    bind = op.get_bind()
    columns = {column["name"] for column in sa.inspect(bind).get_columns("turns")}
    cached = "t.cached_tokens" if "cached_tokens" in columns else "CAST(NULL AS BIGINT)"
    reasoning = "t.reasoning_tokens" if "reasoning_tokens" in columns else "CAST(NULL AS BIGINT)"
    no = "0" if bind.dialect.name == "sqlite" else "false"
    yes = "1" if bind.dialect.name == "sqlite" else "true"
    bind.execute(
        sa.text(
            f"""
            INSERT INTO usage_calls (
                id, began_at, first_token_ms, duration_ms, owner, purpose, persona_id, persona_revision,
                provider, model, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, estimated,
                cost_usd, outcome, finish_reason, error_code, conversation_id, turn_id, migrated)
            SELECT id, created_at, CAST(round(first_token_seconds * 1000) AS INTEGER),
                CAST(round(duration_seconds * 1000) AS BIGINT), hash, 'chat', persona_id,
                nullif(persona_revision, ''), nullif(provider, ''), nullif(model, ''), prompt_tokens,
                completion_tokens, counted_cached, counted_reasoning, {no},
                CASE WHEN provider = 'local' THEN 0 ELSE cost_usd END,
                CASE WHEN state IN ('running', 'paused') THEN 'interrupted' ELSE state END,
                finish_reason, error_code, conversation_id, id, {yes}
            FROM (
                SELECT t.*, o.hash AS hash, {cached} AS counted_cached,
                    {reasoning} AS counted_reasoning,
                    row_number() OVER (
                        PARTITION BY c.owner, t.created_at, t.persona_id, t.provider, t.model
                        ORDER BY t.number) AS copy
                FROM turns t
                JOIN conversations c ON c.id = t.conversation_id
                JOIN usage_owners o ON o.name = c.owner
                WHERE t.state IS NOT NULL AND t.role = 'assistant') AS answers
            WHERE copy = 1"""
        )
    )


def _fill_sums() -> None:
    bind = op.get_bind()
    columns = ", ".join(KIND)
    op.execute(f"INSERT INTO usage_kinds ({columns}) SELECT DISTINCT {columns} FROM usage_calls")
    seconds = (
        "CAST(strftime('%s', c.began_at) AS INTEGER)"
        if bind.dialect.name == "sqlite"
        else "CAST(floor(extract(epoch FROM c.began_at)) AS BIGINT)"
    )
    # Each as it can be looked up quickly: by an index there, by a hash here.
    is_same = (
        "k.{0} IS c.{0}" if bind.dialect.name == "sqlite" else "coalesce(k.{0}, '') = coalesce(c.{0}, '')"
    )
    same = " AND ".join(is_same.format(name) for name in KIND)
    names = ", ".join(part for name in SUMMED for part in (name, f"{name}_known"))
    sums = ", ".join(part for name in SUMMED for part in (f"coalesce(sum(c.{name}), 0)", f"count(c.{name})"))
    op.execute(
        f"""
        INSERT INTO usage_quarters (quarter, kind_id, calls, estimated, {names})
        SELECT {seconds} / 900, k.id, count(*), 0, {sums}
        FROM usage_calls c JOIN usage_kinds k ON {same}
        GROUP BY 1, 2"""
    )
    added = ", ".join(f"sum({part})" for name in SUMMED for part in (name, f"{name}_known"))
    op.execute(
        f"""
        INSERT INTO usage_days (day, kind_id, calls, estimated, {names})
        SELECT quarter / 96, kind_id, sum(calls), 0, {added}
        FROM usage_quarters GROUP BY 1, 2"""
    )
