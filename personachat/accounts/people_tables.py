"""The tables of people who were seen, their pictures, and of access to personas.

`persona_access` has a row for each persona that someone owns or restricted, by its id alone. The row outlives
the persona, so that whoever takes the id later doesn't get its history.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, LargeBinary, String, Table

from personachat.database.columns import JsonList, UtcDateTime, metadata

people = Table(
    "people",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("name", String(320), nullable=False),
    Column("email", String(320), nullable=False),
    Column("role", String(20), nullable=False),  # at last sight
    Column("groups", JsonList(str, required=True), nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("login_at", Float),  # the newest login's, in seconds by the provider's clock
    Column("signed_out_before", Float),  # by the same clock: logins up to then count no more
    Column("ended_logins", JsonList((int, float))),  # by the same clock: single ones that were logged out of
    Column("claims", JsonList(str)),  # rules that fitted a claim of the newest login
)

person_pictures = Table(
    "person_pictures",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("source", String(64), nullable=False),  # SHA-256 of the address it is from
    Column("picture", LargeBinary),  # small and drawn again; null where it could not be had
    Column("fetched_at", UtcDateTime, nullable=False),
)

persona_access = Table(
    "persona_access",
    metadata,
    Column("persona_id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),  # a person's key; "" is nobody
    Column("visibility", String(10), nullable=False),
    Column("prompt_visible", Boolean, nullable=False),
    Column("grants", JSON, nullable=False),  # a list of {who, right, allowed}
    Column("changed_at", UtcDateTime, nullable=False),
)
