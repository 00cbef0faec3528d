"""Whoever may not edit reads everything and changes nothing, by whatever way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from personachat.errors import EditingNotAllowed, PersonaChatError
from personachat.services import Services
from personachat.services.workspace import Workspace
from tests.conftest import persona_text

OWNER = "browser:a-visitor"


@pytest.fixture
def visitor(services: Services) -> Workspace:
    return services.of(OWNER, may_edit=False)


def imported(here: Workspace) -> Any:
    plan = here.collection.plan_import(persona_text("brought").encode())
    (outcome,) = here.collection.carry_out(plan, {})
    raise outcome.error or AssertionError("it was imported")


CHANGES: dict[str, Callable[[Workspace], Any]] = {
    "create": lambda here: here.collection.create(persona_text("another")),
    "save": lambda here: here.collection.save(persona_text(name="Other")),
    "delete": lambda here: here.collection.delete("tester"),
    "restore": lambda here: here.collection.restore("tester", 1),
    "bring back": lambda here: here.collection.bring_back("gone"),
    "import": imported,
    "share": lambda here: here.collection.share("tester"),
    "create in the store": lambda here: here.personas.create(persona_text("another")),
    "save in the store": lambda here: here.personas.save(persona_text(name="Other")),
    "delete in the store": lambda here: here.personas.delete("tester"),
    "a template": lambda here: here.gallery.save(here.personas.get("tester").persona, author="x"),
    "no template": lambda here: here.gallery.delete("own-tester"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_refused_in_a_sentence(
    services: Services, visitor: Workspace, change: Callable[[Workspace], Any]
) -> None:
    services.personas.create(persona_text("gone"))
    services.personas.delete("gone")
    before = {stored.id: stored.text for stored in services.personas.all()}
    templates = services.gallery.all()
    with pytest.raises(EditingNotAllowed) as refused:
        change(visitor)
    assert str(refused.value).endswith(".")
    assert refused.value.hint
    assert {stored.id: stored.text for stored in services.personas.all()} == before
    assert services.gallery.all() == templates


@pytest.mark.parametrize("change", ["tag", "undo of tags", "delete", "undo"])
def test_several_at_once_stay_as_they_are(services: Services, visitor: Workspace, change: str) -> None:
    stored = services.personas.get("tester")
    if change == "tag":
        done = visitor.collection.tag(["tester"], add=["new"])
    elif change == "undo of tags":
        done = visitor.collection.save_again_by_etag({"tester": (stored.etag, stored.etag)})
    elif change == "delete":
        done = visitor.collection.delete_all(["tester"])
    else:
        done = visitor.collection.save_again([stored], over=[stored])
    assert services.personas.get("tester") == stored
    assert [type(error) for error in done.errors] == [EditingNotAllowed]
    assert not done.after


def test_what_is_ones_own_works(services: Services, visitor: Workspace) -> None:
    visitor.collection.set_favourite("tester", favourite=True)
    assert visitor.collection.favourites() == {"tester"}
    assert visitor.collection.export("tester", "json").content
    assert visitor.collection.bundle(["tester"]).content
    assert visitor.collection.link("tester").persona
    assert visitor.collection.history("tester")
    conversation = visitor.chat.start()
    live_reply = visitor.chat.send(conversation.id, "Hi", persona_id="tester")
    while live_reply.live:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=10)
    assert visitor.library.summary(conversation.id)
    assert visitor.library.export([conversation.id], "markdown").content
    chat = services.trying_out(persona_text(name="Mine"), owner=OWNER)
    assert chat.start()


def test_others_edit_as_ever(services: Services) -> None:
    here = services.of("local")
    here.collection.save(persona_text(name="Other"))
    assert here.personas.get("tester").persona.name == "Other"
    with pytest.raises(PersonaChatError):
        here.gallery.delete("own-nobody")
