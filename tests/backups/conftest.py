"""A PersonaChat that was used, and what its database and folder hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from personachat.backups.archive import all_tables
from personachat.database.connection import Database
from personachat.personas.formats.safe_zip import archive
from personachat.personas.pictures.reading import read_picture
from personachat.personas.store.revisions import place_of
from personachat.services import build_services
from personachat.settings import Settings, load_settings
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider
from tests.migrated import migrated_postgres, put_database_in
from tests.pictures.drawn import RED, picture
from tests.usage.conftest import over

KEY = "sk-test-key-that-nobody-may-see"
SUITE = "persona: tester\ncases:\n- name: Greets\n  say: Hello.\n  check:\n  - contains: Hello\n"
KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@contextmanager
def empty(kind: str, folder: Path, **more: Any) -> Iterator[Settings]:
    """Settings of a PersonaChat that nobody has used, on a database of that kind."""
    explicit: dict[str, Any] = {
        "openai_api_key": KEY,
        "personas_dir": folder / "personas",
        "data_dir": folder / "data",
    }
    if kind == "sqlite":
        put_database_in(folder / "data")
        yield load_settings(**explicit | more)
        return
    with migrated_postgres() as url:
        yield load_settings(**explicit | more | {"database_url": url})


def use(settings: Settings, provider: FakeProvider) -> None:
    """Leave something in as many tables as a few minutes of use do."""
    services = build_services(settings.model_copy(update={"openai_base_url": provider.base_url}))
    try:
        made = read_picture(picture(colour=RED), square=True)
        services.pictures.keep(made)
        services.personas.save(persona_text("painter", picture=made.digest))
        services.personas.save(persona_text())
        services.personas.save(persona_text(systemPrompt="You are a test: ääå 漢字 \u2028 end."))
        services.testing.suites.save("tester", SUITE)
        services.personas.save(persona_text("gone"))
        services.personas.delete("gone")
        here = local(services)
        card = {"spec": "chara_card_v3", "spec_version": "3.0", "data": {"name": "Ringer"}}
        files = {"card.json": json.dumps(card).encode(), "assets/bell.ogg": b"OggS and a bell"}
        here.collection.carry_out(here.collection.plan_import(archive(files)), {})
        here.collection.share("tester")
        over(here.chat.begin("Where is the zebrafish?", persona_id="tester"))
        second = over(here.chat.begin("And \N{PILE OF POO} here?", persona_id="painter"))
        here.library.share(second.conversation_id)
        services.ledger.settle()
        services.checkpoints.settle()
    finally:
        services.close()


def contents(settings: Settings) -> dict[str, list[Mapping[str, Any]]]:
    """Every row of every table, with the name of the personas' place left open.

    That a backup was made is noted after it, and so not in it.
    """
    database, here = Database.of(settings), place_of(settings)
    try:
        with database.read() as connection:
            return {
                table.name: [
                    {
                        name: "here" if name == "place" and value == here else value
                        for name, value in row.items()
                    }
                    for row in connection.execute(
                        select(table).order_by(*table.primary_key.columns)
                    ).mappings()
                    if row.get("kind") != "backup"
                ]
                for table in all_tables()
            }
    finally:
        database.close()


def files_in(settings: Settings) -> dict[str, bytes]:
    """The personas' files, with all that lies beside them, by path."""
    folder = settings.personas_dir
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.fixture
def used(tmp_path: Path, provider: FakeProvider) -> Iterator[Settings]:
    """On SQLite, with personas in files."""
    with empty("sqlite", tmp_path / "used") as settings:
        use(settings, provider)
        yield settings


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Settings]:
    with empty("sqlite", tmp_path / "fresh") as settings:
        yield settings
