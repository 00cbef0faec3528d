"""What a browser has is given to the person who logs in there: all of it, and nothing of theirs is lost."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import insert, select

from personachat.conversations.tables import conversations
from personachat.database.connection import Database
from personachat.history import moving
from personachat.history.moving import LeftBehind, left_behind, move_all
from personachat.history.person_data import tables_of_people
from personachat.lab.comparisons.tables import comparisons
from personachat.lab.testing_tables import test_labels as labels
from personachat.owners import comparing
from personachat.personas.store.drafts import DraftText, PersonaDrafts
from personachat.personas.store.favourites import Favourites
from personachat.personas.store.shares import PersonaShares
from personachat.stamps import now
from tests.history.talk import Talk

BROWSER, ADA = "browser:one", "user:ada"


def draft(name: str) -> DraftText:
    return DraftText(json.dumps({"name": name}), "", None)


def test_everything_of_the_browser_is_the_persons(talk: Talk, database: Database) -> None:
    made = talk.store.create(BROWSER, durable=True)
    Favourites(database).set(BROWSER, "second", favourite=True)
    drafts = PersonaDrafts(database, place="here")
    drafts.put(BROWSER, "new", draft("Quince"), version=0, writer="w")
    drafts.set_aside(BROWSER, "old", draft("Medlar"), name="Medlar")
    PersonaShares(database).share(BROWSER, "second", "{}")
    _compare(database, BROWSER)
    assert left_behind(database, BROWSER) == LeftBehind(chats=1, drafts=1, favourites=1)
    move_all(database, before=BROWSER, now=ADA)
    assert not left_behind(database, BROWSER)
    assert talk.store.get(ADA, made.id).id == made.id
    assert Favourites(database).of(ADA) == {"second"}
    assert drafts.get(ADA, ["new"])["new"].draft == draft("Quince")
    assert [each.name for each in drafts.asides(ADA)] == ["Medlar"]
    with database.read() as connection:
        for table, owner in tables_of_people().items():
            left = connection.execute(select(table).where(owner.startswith(BROWSER))).all()
            assert not left, table.name
        assert connection.execute(select(conversations).where(conversations.c.owner == comparing(ADA))).all()


def _compare(database: Database, owner: str) -> None:
    Talk(database).store.create(comparing(owner), durable=True)
    row: dict[str, Any] = {
        "id": "c" * 32,
        "owner": owner,
        "title": "A comparison",
        "blind": False,
        "waiting": [],
        "created_at": now(),
        "updated_at": now(),
    }
    with database.write() as connection:
        connection.execute(insert(comparisons).values(row))


def test_what_the_person_has_already_stays_as_it_is(database: Database) -> None:
    drafts = PersonaDrafts(database, place="here")
    for owner, name in ((ADA, "Hers"), (BROWSER, "The browser's")):
        drafts.put(owner, "same", draft(name), version=0, writer="w")
        Favourites(database).set(owner, "second", favourite=True)
        row: dict[str, Any] = {"owner": owner, "question_key": "q", "judge": "j", "reply_key": "r"}
        row |= {"label": owner == ADA, "verdict": True, "saved_at": now()}
        with database.write() as connection:
            connection.execute(insert(labels).values(row))
    drafts.put(BROWSER, "saved", draft("Saved"), version=0, writer="w")
    drafts.put(BROWSER, "saved", None, version=1, writer="w")
    drafts.put(ADA, "saved", draft("Open"), version=0, writer="w")
    move_all(database, before=BROWSER, now=ADA)
    move_all(database, before=BROWSER, now=ADA)  # a second click
    assert drafts.get(ADA, ["same"])["same"].draft == draft("Hers")
    assert drafts.get(ADA, ["saved"])["saved"].draft == draft("Open")
    (aside,) = drafts.asides(ADA)
    assert (aside.persona_id, aside.name) == ("same", "The browser's")
    assert Favourites(database).of(ADA) == {"second"}
    with database.read() as connection:
        assert [row.label for row in connection.execute(select(labels))] == [True]


def test_what_stays_is_a_table_of_people() -> None:
    assert {table.name for table in tables_of_people()} >= moving.STAYS
