"""Pictures that nobody names any more leave the database; those that can still be seen stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from personachat.conversations.faces import faces
from personachat.conversations.model import Turn
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from personachat.personas.persona import Persona, dump_persona
from personachat.personas.pictures.reading import read_picture
from personachat.personas.store.own_templates import OwnTemplates
from personachat.personas.store.picture_purging import UNNAMED_LIFETIME, PicturePurging, purge_pictures
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.shares import PersonaShares
from personachat.personas.store.tables import persona_drafts, persona_pictures
from personachat.stamps import new_id, now
from tests.personas.store.conftest import Replicas
from tests.pictures.drawn import picture
from tests.spoken import OWNER

LONG = "You are Ada. " * 200


def text_of(picture: str, *, prompt: str = LONG) -> str:
    return dump_persona(Persona(id="ada", name="Ada", system_prompt=prompt, picture=picture))


def kept(database: Database, number: int) -> str:
    made = read_picture(picture(colour=(number, 9, 9)), square=True)
    PersonaPictures(database).keep(made)
    return made.digest


def age(database: Database) -> None:
    """Let a day pass for all that is there."""
    with database.write() as connection:
        old = now() - UNNAMED_LIFETIME - timedelta(minutes=1)
        connection.execute(update(persona_pictures).values(created_at=old))


def known(database: Database, *digests: str) -> list[bool]:
    found = PersonaPictures(database).existing(digests)
    return [digest in found for digest in digests]


def test_every_version_keeps_its_picture_and_what_none_names_goes(replicas: Replicas) -> None:
    store, _ = replicas.open()
    database = replicas.database()
    used = [kept(database, number) for number in range(6)]
    unused = kept(database, 200)
    stored = store.create(text_of(used[0]))
    for number, digest in enumerate(used[1:]):
        stored = store.save(text_of(digest, prompt=f"{LONG} {number}"), etag=stored.etag)
    store.delete("ada", etag=stored.etag)
    age(database)
    assert purge_pictures(database) == 1
    assert known(database, *used, unused) == [True] * 6 + [False]


def test_what_is_shared_drafted_a_template_or_seen_in_a_chat_stays(database: Database) -> None:
    shared, drafted, template, seen, on_disk, gone = (kept(database, number) for number in range(6))
    PersonaShares(database).share(OWNER, "ada", text_of(shared))
    OwnTemplates(database).save(text_of(template), author="")
    words = Turn(new_id(), None, "user", "Hi", "ada", "Ada", avatar=f":picture/{seen}:")
    SqlConversations(database).create(OWNER, turns=[words])
    with database.write() as connection:
        row = {"owner": OWNER, "place": "", "persona_id": "ada", "base_text": "", "version": 1}
        row |= {"text": text_of(drafted), "writer": "", "changed_at": now()}
        connection.execute(insert(persona_drafts).values(**row))
    age(database)
    assert purge_pictures(database, also=(faces,), texts=(text_of(on_disk),)) == 1
    assert known(database, shared, drafted, template, seen, on_disk, gone) == [True] * 5 + [False]


def test_one_that_was_just_given_waits_for_its_text(database: Database) -> None:
    digest = kept(database, 1)
    assert purge_pictures(database) == 0
    age(database)
    assert kept(database, 1) == digest  # given once more
    assert purge_pictures(database) == 0
    assert known(database, digest) == [True]


@pytest.mark.parametrize("count", [0, 700])
def test_any_number_goes(database: Database, count: int) -> None:
    rows = [
        {"digest": f"{number:032x}", "content": b"", "thumb": b"", "created_at": now()}
        for number in range(count)
    ]
    with database.write() as connection:
        if rows:
            connection.execute(insert(persona_pictures), rows)
    age(database)
    assert purge_pictures(database) == count


def test_a_running_server_looks_through_them_once_something_that_named_one_has_gone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def texts() -> tuple[str, ...]:
        looked.append(1)
        return ()

    purging = PicturePurging(database, texts=texts)
    templates = OwnTemplates(database)
    digest, unused = kept(database, 3), kept(database, 4)
    template = templates.save(text_of(digest), author="Ada")
    age(database)
    assert [purging.purge_if_due() for _ in range(3)] == [0, 0, 0]
    assert looked == []
    templates.delete(template.id)
    assert purging.purge_if_due() == 2
    assert known(database, digest, unused) == [False, False]
    assert purging.purge_if_due() == 0
    assert looked == [1]
    kept(database, 5)
    age(database)
    monkeypatch.setattr("personachat.personas.store.picture_purging.EVERY_SECONDS", 0.0)
    assert purging.purge_if_due() == 1
