"""The tables of personas: who saved what when, and what people keep besides.

`place` tells which folder of files a revision belongs to, or the database itself (""): one database may have
the history of several folders. `personachat.database.migrations` creates the tables.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from personachat.database.columns import UtcDateTime, metadata

personas = Table(  # of the store in the database; those in files have no rows here
    "personas",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Column("change", Integer, nullable=False),  # number of the last change to it; see `persona_changes`
    Index("ix_personas_change", "change"),
)

persona_changes = Table(  # one row, which every change locks: their numbers come in the order of commits
    "persona_changes",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("number", Integer, nullable=False),
)

persona_revisions = Table(
    "persona_revisions",
    metadata,
    Column("place", String(64), primary_key=True),
    Column("persona_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1 on, in each persona
    Column("etag", String(64), nullable=False),
    Column("name", String(80), nullable=False),
    Column("text", Text, nullable=False),  # "" if it is packed
    Column(
        "packing", String(10), nullable=False, server_default=""
    ),  # see `personachat.personas.store.packing`
    Column("packed", LargeBinary),
    Column("action", String(10), nullable=False),
    Column("author", String(200), nullable=False, default=""),
    Column("note", String(500), nullable=False, default=""),
    Column("newest", Boolean, nullable=False),  # so that the latest of each is found without counting
    Column("saved_at", UtcDateTime, nullable=False),
    Index("ix_persona_revisions_etag", "place", "persona_id", "etag"),
    Index("ix_persona_revisions_newest", "place", "newest", "persona_id"),
    Index("ix_persona_revisions_action", "place", "action", "newest"),  # few are deletions
)

persona_redirects = Table(  # ids that personas had; gone as soon as another persona takes one
    "persona_redirects",
    metadata,
    Column("place", String(64), primary_key=True),
    Column("old_id", String(64), primary_key=True),
    Column("new_id", String(64), nullable=False),
    Column("renaming", String(32), nullable=False),  # which renaming made it; see `renaming`
    Column("created_at", UtcDateTime, nullable=False),
)

persona_labels = Table(
    "persona_labels",
    metadata,
    Column("place", String(64), primary_key=True),
    Column("persona_id", String(64), primary_key=True),
    Column("label", String(32), primary_key=True),
    Column("number", Integer, nullable=False),  # the revision it is on
    Column("author", String(200), nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
)

persona_label_moves = Table(  # all that ever happened to labels
    "persona_label_moves",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("place", String(64), nullable=False),
    Column("persona_id", String(64), nullable=False),
    Column("label", String(32), nullable=False),
    Column("number", Integer),  # none where it was removed
    Column("author", String(200), nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
    Index("ix_persona_label_moves", "place", "persona_id", "id"),
)

persona_favourites = Table(
    "persona_favourites",
    metadata,
    Column("owner", String(300), primary_key=True),
    Column("persona_id", String(64), primary_key=True),
)

persona_shares = Table(
    "persona_shares",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("owner", String(300), nullable=False),
    Column("persona_id", String(64), nullable=False),
    Column("text", Text, nullable=False),  # a snapshot
    Column("created_at", UtcDateTime, nullable=False),
    Index("uq_persona_shares_owner_persona_id", "owner", "persona_id", unique=True),
)

persona_templates = Table(  # people's own; the shipped ones are files
    "persona_templates",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("author", String(200), nullable=False, default=""),
    Column("created_at", UtcDateTime, nullable=False),
)

persona_pictures = Table(  # a persona's text names its picture: every version that names it has this one
    "persona_pictures",
    metadata,
    Column("digest", String(32), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("thumb", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

persona_assets = Table(  # files of cards beside their pictures, each kept once
    "persona_assets",
    metadata,
    Column("digest", String(32), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

persona_asset_sets = Table(  # a persona's text names its set, which names its files
    "persona_asset_sets",
    metadata,
    Column("digest", String(32), primary_key=True),
    Column("listing", Text, nullable=False),  # JSON: the name and the digest of each file
    Column("created_at", UtcDateTime, nullable=False),
)

persona_drafts = Table(  # unsaved texts, of each owner
    "persona_drafts",
    metadata,
    Column("owner", String(300), primary_key=True),
    Column("place", String(64), primary_key=True),
    Column("persona_id", String(300), primary_key=True),  # a broken file may have any name
    Column("aside", String(32), primary_key=True, server_default=""),  # "" is the open one
    Column("text", Text),  # none where the open one was saved or discarded
    Column("base_text", Text, nullable=False),
    Column("etag", String(64)),  # the stored version it began from; none for a new persona
    Column("version", Integer, nullable=False),  # counts the changes
    Column("name", String(300), nullable=False, server_default=""),  # of a discarded one
    Column("writer", String(32), nullable=False),  # the browser session that changed it last
    Column("changed_at", UtcDateTime, nullable=False),
    Index("ix_persona_drafts_changed_at", "changed_at"),
)

persona_undos = Table(  # what each owner can undo: the last deletion or discarded draft
    "persona_undos",
    metadata,
    Column("owner", String(300), primary_key=True),
    Column("place", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(300), nullable=False),
    Column("ids", Text, nullable=False),  # JSON
    Column("created_at", UtcDateTime, nullable=False),
)
