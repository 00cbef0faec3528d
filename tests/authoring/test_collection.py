"""What a person does with personas beyond writing one: versions, several at once, favourites."""

from __future__ import annotations

from typing import Any

import pytest

from personachat.errors import PersonaChanged, PersonaExists, PersonaNotFound, RevisionNotFound
from personachat.owners import LOCAL_OWNER, author_of
from personachat.services import Services
from tests.conftest import local, persona_text


@pytest.fixture
def collection(services: Services) -> Any:
    return local(services).collection


def history(collection: Any, persona_id: str) -> list[tuple[int, str]]:
    return [(each.number, each.action) for each in collection.revisions.of(persona_id)]


def test_every_save_is_a_revision_with_its_author_and_note(services: Services) -> None:
    theirs = services.of("browser:81aa0000", author="Ada").collection
    theirs.create(persona_text("one"), note="A first try")
    theirs.save(persona_text("one", temperature=0.2))
    newest, first = theirs.revisions.of("one")
    assert (first.number, first.action, first.author, first.note) == (1, "created", "Ada", "A first try")
    assert (newest.number, newest.action, newest.note) == (2, "saved", "")
    assert first.saved_at <= newest.saved_at


def test_an_author_who_is_not_given_is_told_by_what_is_known_of_the_owner() -> None:
    assert author_of("token:3f9c0000") == "API token 3f9c"
    assert author_of("browser:81aa0000") == "Visitor 81aa"
    assert author_of(LOCAL_OWNER)


def test_differences_between_two_revisions_and_to_what_is_stored_now(collection: Any) -> None:
    collection.create(persona_text("one", temperature=0.1))
    collection.save(persona_text("one", temperature=0.2))
    collection.save(persona_text("one", temperature=0.2, description="New."))
    between = collection.differences("one", since=1, until=2)
    assert [(each.path, each.before, each.after) for each in between] == [(("temperature",), 0.1, 0.2)]
    since = collection.differences("one", since=2)
    assert [(each.path, each.kind) for each in since] == [(("description",), "added")]


def test_restoring_is_a_new_revision(collection: Any) -> None:
    first = collection.create(persona_text("one", temperature=0.1))
    collection.save(persona_text("one", temperature=0.2))
    again = collection.restore("one", 1)
    assert again.text == first.text
    assert history(collection, "one") == [(3, "restored"), (2, "saved"), (1, "created")]
    assert collection.revisions.of("one")[0].note == "Restored revision 1"


def test_restoring_over_a_version_that_was_not_seen_is_refused(collection: Any) -> None:
    seen = collection.create(persona_text("one", temperature=0.1))
    collection.save(persona_text("one", temperature=0.2))
    with pytest.raises(PersonaChanged):
        collection.restore("one", 1, etag=seen.etag)


def test_a_deleted_persona_comes_back_with_its_history(collection: Any) -> None:
    collection.create(persona_text("one"))
    collection.delete("one")
    assert [each.persona_id for each in collection.revisions.deleted()] == ["one"]
    with pytest.raises(PersonaNotFound):
        collection.differences("one", since=1)
    collection.bring_back("one")
    assert history(collection, "one") == [(3, "restored"), (2, "deleted"), (1, "created")]
    assert collection.revisions.deleted() == ()
    with pytest.raises(PersonaExists):
        collection.bring_back("one")


def test_what_was_never_there_cannot_be_brought_back(collection: Any) -> None:
    with pytest.raises(RevisionNotFound):
        collection.bring_back("nobody")


def test_tags_are_set_on_several_and_taken_back(collection: Any) -> None:
    layout = '{"id": "one", "name": "One",\n\n  "tags": ["Old"], "systemPrompt": "Hi."}'
    collection.create(layout)
    collection.create(persona_text("two"))
    done = collection.tag(["one", "two"], add=["fresh"], remove=["old"])
    assert {stored.id: stored.persona.tags for stored in done.after} == {"one": ("fresh",), "two": ("fresh",)}
    assert "\n\n" in collection.get("one").text
    collection.save_again(done.before, over=done.after)
    assert collection.get("one").text == layout
    assert collection.get("two").persona.tags == ()


def test_undoing_does_not_overwrite_what_somebody_changed_since(collection: Any) -> None:
    collection.create(persona_text("one"))
    done = collection.tag(["one"], add=["fresh"])
    newer = collection.save(persona_text("one", tags=["fresh"], temperature=0.3))
    undone = collection.save_again(done.before, over=done.after)
    assert [type(error) for error in undone.errors] == [PersonaChanged]
    assert collection.get("one") == newer


def test_several_are_deleted_and_one_that_fails_does_not_stop_the_others(collection: Any) -> None:
    collection.create(persona_text("one"))
    collection.create(persona_text("two"))
    done = collection.delete_all(["one", "nobody", "two"])
    assert [stored.id for stored in done.before] == ["one", "two"]
    assert [type(error) for error in done.errors] == [PersonaNotFound]
    for stored in done.before:
        collection.bring_back(stored.id)
    assert {"one", "two"} <= {stored.id for stored in collection.all()}


def test_favourites_are_somebodys_own(services: Services) -> None:
    mine, theirs = local(services).collection, services.of("browser:1").collection
    mine.set_favourite("tester", favourite=True)
    assert (mine.favourites(), theirs.favourites()) == (frozenset({"tester"}), frozenset())
    mine.set_favourite("tester", favourite=False)
    assert mine.favourites() == frozenset()


def test_a_bundle_names_only_what_was_asked_for(collection: Any) -> None:
    collection.create(persona_text("one"))
    collection.create(persona_text("two"))
    plan = collection.plan_import(collection.bundle(["two"]).content)
    assert [item.id for item in plan.items] == ["two"]
    with pytest.raises(PersonaNotFound):
        collection.bundle(["two", "nobody"])
