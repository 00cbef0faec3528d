"""The version of the tables, and the migrations to the newest one.

A migration is a file `migrations/versions/NNNN_name.py` whose revision is NNNN; the highest is the newest.
All missing ones run in one transaction, so a process that is killed leaves the old version behind. Alembic is
only loaded if some are missing.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from personachat.errors import DatabaseDamaged

VERSION_TABLE = "personachat_version"
"""Not Alembic's usual name: another program may use the same database."""

MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK_KEY = 0x50657273_6F6E61  # for PostgreSQL's advisory lock: any number that never changes
_alembic = threading.Lock()  # Alembic keeps its current migration in module globals


@cache
def revisions() -> tuple[str, ...]:
    """All revisions that this program knows, oldest first."""
    return tuple(sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py")))


def outdated(engine: Engine, *, path: Path | None) -> bool:
    """Whether `migrate` has something to do. Raises DatabaseDamaged for a version of the future."""
    with engine.connect() as connection:
        version = _version(connection)
    if version is not None and version not in revisions():
        raise DatabaseDamaged(
            (
                f"The database{('' if path is None else ' file')} was written by a newer version of "
                "PersonaChat. It was not changed."
            ),
            hint="Ask the person who runs this server to update PersonaChat.",
            advice="Update PersonaChat." if path is None else f'Update PersonaChat. The file is "{path}".',
        )
    return version != revisions()[-1]


def migrate(engine: Engine, *, to: str = "head") -> None:
    """Bring the tables to a revision, even if others do the same at this moment."""
    with _alembic, engine.connect() as connection:
        try:
            if engine.dialect.name == "sqlite":
                # Rebuilding a table must not cascade; inside a transaction the setting is ignored.
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA foreign_keys=OFF")
                connection.execution_options(begin="IMMEDIATE")
            with connection.begin():
                if engine.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
                _upgrade(connection, to)
        finally:
            connection.invalidate()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(table(VERSION_TABLE, column("version_num")))).scalar()


def _upgrade(connection: Connection, to: str) -> None:
    from alembic import command  # noqa: PLC0415  # a third of a second that few starts need
    from alembic.config import Config  # noqa: PLC0415  # likewise

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, to)
