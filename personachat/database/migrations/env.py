"""What Alembic runs to migrate: over the connection, and inside the transaction, of `schema.migrate`."""

from __future__ import annotations

from alembic import context

from personachat.database.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
