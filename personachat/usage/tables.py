"""The ledger's tables: a row per call, and sums of those that have ended.

`usage_quarters` and `usage_days` have what `usage_calls` adds up to, a row for each quarter of an hour, or
day in UTC, and each kind of call. The clocks of all time zones differ by whole quarters: any zone's day is a
day in UTC, with some quarters more and some less. What a kind is says `usage_kinds`. Whoever writes the rows
writes the sums in the same transaction; see `records`.

Days that are over are closed: of those the same sums are kept by fewer columns, `usage_model_days` and
`usage_persona_days`, and how the times of their calls are spread, `usage_times` and `usage_day_times`. There
are rows of a day in them if, and only if, `usage_closed_days` says that it is closed; see `closing`.

What a page asks first is kept for the days of each clock that people ask by, UTC's among them: by one thing
alone, `usage_clock_sums` and `usage_clock_times`. `usage_clock_days` says of which days; see `clocks`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from personachat.database.columns import UtcDateTime, metadata

RUNNING = text("outcome = 'running'")

LONG_WAIT_MS = 10_000
MANY_RETRIES = 2
NOTABLE = text("(outcome = 'failed' OR finish_reason = 'length' OR first_token_ms >= 10000 OR retries >= 2)")
"""Of calls that deserve a look; spelled out, as a partial index serves only who asks for that very part."""

QUARTER_SECONDS = 900
QUARTERS_A_DAY = 96

usage_calls = Table(
    "usage_calls",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("began_at", UtcDateTime, nullable=False),
    Column("first_token_ms", Integer),
    Column("duration_ms", BigInteger),
    Column("owner", String(32), nullable=False),  # keyed hash; see `people`
    Column("purpose", String(20), nullable=False),
    Column("surface", String(20)),  # null where it is of before the ledger
    Column("persona_id", String(64)),
    Column("persona_revision", String(64)),
    Column("provider", String(80)),
    Column("model", String(200)),
    Column("model_asked", String(200)),
    Column("prompt_tokens", BigInteger),
    Column("completion_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("estimated", Boolean, nullable=False),  # whether we counted, because the server did not
    Column("cost_usd", Float),
    Column("outcome", String(11), nullable=False),
    Column("finish_reason", String(20)),
    Column("error_code", String(60)),
    Column("retries", Integer),
    Column("conversation_id", String(32)),
    Column("turn_id", String(32)),
    Column("process_id", String(32)),  # who makes it
    Column("migrated", Boolean, nullable=False),  # from a turn of before the ledger
    Column("request_id", String(128)),  # as the logs and the API's answer say it
    Column("comparison_id", String(32)),  # null where it is of none, or of before it was noted
    Index("ix_usage_calls_began_at_id", "began_at", "id"),
    Index("ix_usage_calls_owner_began_at_id", "owner", "began_at", "id"),
    Index("ix_usage_calls_conversation_id", "conversation_id"),
    Index("ix_usage_calls_running", "process_id", sqlite_where=RUNNING, postgresql_where=RUNNING),
    Index("ix_usage_calls_notable", "began_at", sqlite_where=NOTABLE, postgresql_where=NOTABLE),
)

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
    "comparison_id",
)
"""What calls that are summed up together have in common."""

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
"""What is added up; beside each sum is of how many calls it was known."""

usage_kinds = Table(
    "usage_kinds",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    *(Column(name, usage_calls.c[name].type, nullable=usage_calls.c[name].nullable) for name in KIND),
    Index(
        "ix_usage_kinds_owner_persona_id_persona_revision_comparison_id",
        *("owner", "persona_id", "persona_revision", "comparison_id"),
    ),
)

NUMBERS = ("calls", "estimated", *(part for name in SUMMED for part in (name, f"{name}_known")))
"""The columns of a sum."""


def _sums(name: str, *keys: Column[Any]) -> Table:
    """The keys are what is counted since 1970, in UTC, and the kind."""
    kind = Column("kind_id", Integer, nullable=False)
    return Table(
        name,
        metadata,
        *(*keys, kind),
        *(Column(name, Float if name == "cost_usd" else BigInteger, nullable=False) for name in NUMBERS),
        PrimaryKeyConstraint(*(key.name for key in (*keys, kind))),
        sqlite_with_rowid=False,
    )


def _day() -> Column[int]:
    return Column("day", Integer, nullable=False)


usage_quarters = _sums("usage_quarters", Column("quarter", Integer, nullable=False))
usage_days = _sums("usage_days", _day())

BY_MODEL = ("purpose", "surface", "provider", "model", "outcome", "finish_reason", "error_code")
"""What a kind in `usage_model_days` says; its other columns are empty."""

BY_PERSONA = ("owner", "purpose", "persona_id", "persona_revision", "provider", "model")
"""What a kind in `usage_persona_days` says; its other columns are empty."""

usage_model_days = _sums("usage_model_days", _day())
usage_persona_days = _sums("usage_persona_days", _day())

usage_times = Table(
    "usage_times",
    metadata,
    Column("day", Integer, nullable=False),
    Column("kind_id", Integer, nullable=False),  # by purpose, provider and model
    Column("histograms", LargeBinary, nullable=False),  # see `histograms`
    PrimaryKeyConstraint("day", "kind_id"),
    sqlite_with_rowid=False,
)

BY_TIMES = ("purpose", "provider", "model")

usage_day_times = Table(
    "usage_day_times",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("times", LargeBinary, nullable=False),  # of all kinds; see `day_times`
)

CLOSED_TABLES = (usage_model_days, usage_persona_days, usage_times, usage_day_times)

usage_closed_days = Table(
    "usage_closed_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("closed", Boolean, nullable=False),  # not where a call of that day has changed since
)

usage_clocks = Table(
    "usage_clocks",
    metadata,
    Column("clock", Integer, primary_key=True, autoincrement=False),  # quarters of an hour ahead of UTC
    Column("asked_day", Integer, nullable=False),  # when somebody last asked by it, within some days
)

GROUPINGS = {
    "purpose": ("purpose",),
    "outcome": ("outcome",),
    "model": ("model",),
    "failure": ("outcome", "error_code", "model"),
    "persona": ("persona_id",),
    "owner": ("owner",),
}
"""What a kind in `usage_clock_sums` says, by its grouping, the smallest first."""

TIME_GROUPINGS: dict[str, tuple[str, ...]] = {"all": (), "model": ("model",)}
"""The same of `usage_clock_times`."""


def _of_clock() -> tuple[Column[Any], ...]:
    return (
        Column("clock", Integer, nullable=False),
        Column("grouping", String(40), nullable=False),
        Column("day", Integer, nullable=False),  # the clock's
    )


usage_clock_sums = _sums("usage_clock_sums", *_of_clock())

usage_clock_times = Table(
    "usage_clock_times",
    metadata,
    *_of_clock(),
    Column("kind_id", Integer, nullable=False),
    Column("histograms", LargeBinary, nullable=False),  # without their quarters
    PrimaryKeyConstraint("clock", "grouping", "day", "kind_id"),
    sqlite_with_rowid=False,
)

usage_clock_days = Table(
    "usage_clock_days",
    metadata,
    Column("clock", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
)

CLOCK_TABLES = (usage_clock_sums, usage_clock_times, usage_clock_days)

usage_people = Table(
    "usage_people",
    metadata,
    Column("owner", String(32), primary_key=True),
    Column("name", String(200), nullable=False),  # as whoever administers is told it
)

usage_key = Table(
    "usage_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one
    Column("key", LargeBinary, nullable=False),
)
