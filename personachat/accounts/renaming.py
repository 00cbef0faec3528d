"""Moves budgets and API tokens of a renamed persona to its new id: renaming changes no limit."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from personachat.accounts.tables import api_tokens, budget_calls, budgets


def move_persona(connection: Connection, old_id: str, new_id: str) -> None:
    """Move them. Budgets in the settings still name the old id."""
    theirs = update(budgets).where(budgets.c.scope == "persona", budgets.c.name == old_id)
    connection.execute(theirs.values(name=new_id))
    calls = update(budget_calls).where(budget_calls.c.persona_id == old_id)
    connection.execute(calls.values(persona_id=new_id))
    limited = select(api_tokens.c.id, api_tokens.c.personas).where(api_tokens.c.personas.is_not(None))
    for token_id, personas in connection.execute(limited).all():
        if old_id in (personas or ()):
            reached = sorted({*personas, new_id} - {old_id})
            connection.execute(update(api_tokens).where(api_tokens.c.id == token_id).values(personas=reached))
