"""What every persona store and its history promise, wherever they keep things."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from personachat.errors import (
    PersonaBroken,
    PersonaChanged,
    PersonaChatError,
    PersonaExists,
    PersonaInvalid,
    PersonaNotFound,
    RevisionNotFound,
)
from personachat.personas.persona import DEFAULT_PERSONA_ID, Persona, dump_persona
from personachat.personas.store.base import (
    MOST_AUTHOR_CHARACTERS,
    MOST_NOTE_CHARACTERS,
    BrokenPersona,
    PersonaStore,
    Revisions,
    Saving,
    StoredPersona,
)
from personachat.personas.store.files import FilePersonaStore
from tests.conftest import persona_text
from tests.personas.store.conftest import Replicas
from tests.strategies import personas

HOSTILE = ["", "../x", "/etc/passwd", "a/b", "con", "A", "x" * 10_000, "a\x00b", "\ud800", "a\n", "a'--"]


@pytest.fixture
def opened(replicas: Replicas) -> tuple[PersonaStore, Revisions]:
    return replicas.open()


@pytest.fixture
def store(opened: tuple[PersonaStore, Revisions]) -> PersonaStore:
    return opened[0]


@pytest.fixture
def revisions(opened: tuple[PersonaStore, Revisions]) -> Revisions:
    return opened[1]


@pytest.fixture
def elsewhere(replicas: Replicas) -> PersonaStore:
    """Another server's."""
    return replicas.open()[0]


def history(revisions: Revisions, persona_id: str) -> list[tuple[int, str]]:
    """Number and action of each revision, oldest first."""
    return [(each.number, each.action) for each in reversed(revisions.of(persona_id))]


def only_broken(store: PersonaStore) -> BrokenPersona:
    (broken,) = [stored for stored in store.all() if isinstance(stored, BrokenPersona)]
    return broken


class TestSaving:
    def test_an_empty_store_has_nothing(self, store: PersonaStore) -> None:
        assert store.all() == []
        with pytest.raises(PersonaNotFound):
            store.get("a")
        with pytest.raises(PersonaNotFound):
            store.delete("a")

    def test_a_text_is_kept_to_the_letter(self, store: PersonaStore, elsewhere: PersonaStore) -> None:
        text = (
            '\r\n{"id":"a",\r\n\t"name": "Zo\u00eb \U0001f9ed",\n"systemPrompt":"\\u00e9", "topP": 1e0 }\n\n'
        )
        saved = store.save(text)
        assert saved.text == text
        assert elsewhere.get("a") == elsewhere.all()[0] == saved

    @given(persona=personas())
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_a_persona_holds_comes_back(self, store: PersonaStore, persona: Persona) -> None:
        saved = store.save(dump_persona(persona))
        assert saved.persona == persona
        assert store.get(persona.id) == saved
        assert saved in store.all()

    def test_the_default_persona_is_first_and_the_others_follow_by_name(self, store: PersonaStore) -> None:
        for persona_id, name in [("a", "zebra"), (DEFAULT_PERSONA_ID, "Zzz"), ("b", "Ant"), ("c", "bee")]:
            store.save(persona_text(persona_id, name=name))
        assert [stored.id for stored in store.all()] == [DEFAULT_PERSONA_ID, "b", "c", "a"]
        store.save(persona_text("b", name="Yak"))
        assert [stored.id for stored in store.all()] == [DEFAULT_PERSONA_ID, "c", "b", "a"]

    def test_a_list_belongs_to_whoever_asked_for_it(self, store: PersonaStore) -> None:
        saved = store.save(persona_text("a"))
        store.all().clear()
        assert store.all() == [saved]

    def test_create_refuses_an_id_that_exists(self, store: PersonaStore) -> None:
        first = store.create(persona_text("a", name="First"))
        with pytest.raises(PersonaExists):
            store.create(persona_text("a", name="Second"))
        assert store.all() == [first]

    def test_an_invalid_text_is_refused_and_changes_nothing(
        self, store: PersonaStore, revisions: Revisions
    ) -> None:
        saved = store.save(persona_text("a"))
        for save in (store.save, store.create):
            with pytest.raises(PersonaInvalid):
                save('{"id": "a"}')
        assert store.all() == [saved]
        assert history(revisions, "a") == [(1, "created")]

    def test_without_an_etag_the_last_one_wins(self, store: PersonaStore, elsewhere: PersonaStore) -> None:
        store.save(persona_text("a", name="Mine"))
        theirs = elsewhere.save(persona_text("a", name="Theirs"))
        assert store.get("a") == theirs

    def test_a_deleted_persona_comes_back_by_creating_its_text(self, store: PersonaStore) -> None:
        saved = store.save(persona_text("a"))
        deleted = store.delete("a", etag=saved.etag)
        assert deleted == saved
        assert store.all() == []
        with pytest.raises(PersonaNotFound):
            store.get("a")
        with pytest.raises(PersonaNotFound):
            store.delete("a")
        assert store.create(deleted.text) == saved
        assert store.all() == [saved]

    @pytest.mark.parametrize("persona_id", HOSTILE, ids=lambda text: ascii(text)[:20])
    def test_what_cannot_be_an_id_is_not_found(self, persona_id: str, store: PersonaStore) -> None:
        store.save(persona_text("a"))
        with pytest.raises(PersonaNotFound) as caught:
            store.get(persona_id)
        str(caught.value).encode()
        with pytest.raises(PersonaNotFound):
            store.delete(persona_id)


class TestVersions:
    def test_a_stale_etag_is_refused_with_the_stored_version(
        self, store: PersonaStore, elsewhere: PersonaStore
    ) -> None:
        mine = store.save(persona_text("a", name="Mine"))
        theirs = elsewhere.save(persona_text("a", name="Theirs"), etag=mine.etag)
        changes: list[Callable[[], object]] = [
            lambda: store.save(persona_text("a", name="Mine again"), etag=mine.etag),
            lambda: store.delete("a", etag=mine.etag),
        ]
        for change in changes:
            with pytest.raises(PersonaChanged) as caught:
                change()
            assert (caught.value.etag, caught.value.text) == (theirs.etag, theirs.text)
        assert store.get("a") == theirs

    def test_an_etag_of_a_deleted_persona_is_refused(
        self, store: PersonaStore, elsewhere: PersonaStore
    ) -> None:
        saved = store.save(persona_text("a"))
        elsewhere.delete("a")
        with pytest.raises(PersonaChanged) as caught:
            store.save(persona_text("a", name="Mine"), etag=saved.etag)
        assert (caught.value.etag, caught.value.text) == (None, None)
        assert store.all() == []

    def test_servers_see_each_others_changes_at_the_next_look(
        self, store: PersonaStore, elsewhere: PersonaStore
    ) -> None:
        first = store.save(persona_text("a"))
        assert elsewhere.all() == [first]
        second = elsewhere.save(persona_text("a", name="Newer"))
        assert store.get("a") == second
        assert store.all() == [second]
        other = elsewhere.create(persona_text("b"))
        assert store.all() == [other, second]
        store.delete("a")
        assert elsewhere.all() == [other]
        with pytest.raises(PersonaNotFound):
            elsewhere.get("a")

    @pytest.mark.parametrize("how", ["save", "create"])
    def test_only_one_of_many_savers_wins(
        self, how: str, store: PersonaStore, elsewhere: PersonaStore, revisions: Revisions
    ) -> None:
        etag = store.save(persona_text("a")).etag
        together = threading.Barrier(8)
        outcomes: list[str] = []

        def save(number: int) -> None:
            mine = (store, elsewhere)[number % 2]
            together.wait()
            try:
                if how == "save":
                    mine.save(persona_text("a", name=f"Number {number}"), etag=etag)
                else:
                    mine.create(persona_text("b", name=f"Number {number}"))
                outcomes.append("saved")
            except PersonaChatError as error:
                outcomes.append(type(error).__name__)

        threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refusal = "PersonaChanged" if how == "save" else "PersonaExists"
        assert sorted(outcomes) == [refusal] * 7 + ["saved"]
        changed = "a" if how == "save" else "b"
        expected = [(1, "created"), (2, "saved")] if how == "save" else [(1, "created")]
        assert history(revisions, changed) == expected
        assert store.get(changed) == elsewhere.get(changed)
        assert revisions.of(changed)[0].etag == store.get(changed).etag


class TestBroken:
    @pytest.fixture
    def broken(self, store: PersonaStore, replicas: Replicas) -> BrokenPersona:
        """One whose second line no longer follows the schema, in a store that has seen it whole."""
        store.save(persona_text("a"))
        assert len(store.all()) == 1
        replicas.spoil("a", '{"id": "a",\n "name": "A", "systemPrompt": "x", "temprature": 1}')
        return only_broken(store)

    def test_it_is_listed_with_line_and_reason(self, broken: BrokenPersona) -> None:
        assert (broken.id, broken.filename) == ("a", "a.json")
        assert broken.problems[0].line == 2
        assert "temperature" in broken.problems[0].message
        assert "temprature" in broken.text

    def test_it_is_left_as_it_is(
        self, broken: BrokenPersona, store: PersonaStore, revisions: Revisions
    ) -> None:
        attempts: list[Callable[[], object]] = [
            lambda: store.get("a"),
            lambda: store.save(persona_text("a", name="New")),
            lambda: store.create(persona_text("a", name="New")),
            lambda: store.delete("a"),
            lambda: store.delete("a", etag=broken.etag),
        ]
        for attempt in attempts:
            with pytest.raises(PersonaBroken) as caught:
                attempt()
            assert caught.value.problems == broken.problems
        with pytest.raises(PersonaChanged) as changed:
            store.save(persona_text("a", name="New"), etag="0" * 32)
        assert changed.value.text == broken.text
        assert only_broken(store) == broken
        assert history(revisions, "a") == [(1, "created")]

    def test_it_is_mended_with_its_etag(
        self, broken: BrokenPersona, store: PersonaStore, revisions: Revisions
    ) -> None:
        saved = store.save(persona_text("a", name="Mended"), etag=broken.etag)
        assert store.all() == [saved]
        assert revisions.of("a")[0].etag == saved.etag

    def test_it_is_put_away_and_comes_back_to_the_letter(
        self, broken: BrokenPersona, store: PersonaStore
    ) -> None:
        assert store.put_away("a", etag=broken.etag) == broken
        assert store.all() == []
        with pytest.raises(PersonaNotFound):
            store.get("a")
        store.put_back("a")
        assert only_broken(store) == broken
        with pytest.raises((PersonaNotFound, PersonaExists)):
            store.put_back("a")

    def test_it_does_not_come_back_over_another(self, broken: BrokenPersona, store: PersonaStore) -> None:
        store.put_away("a", etag=broken.etag)
        mine = store.create(persona_text("a", name="New"))
        with pytest.raises(PersonaExists):
            store.put_back("a")
        assert store.all() == [mine]

    def test_only_the_version_that_was_seen_is_put_away_or_renamed(
        self, broken: BrokenPersona, store: PersonaStore
    ) -> None:
        with pytest.raises(PersonaChanged):
            store.put_away("a", etag="0" * 32)
        with pytest.raises(PersonaChanged):
            store.rename_broken("a", "b", etag="0" * 32)
        with pytest.raises(PersonaNotFound):
            store.put_away("nobody")
        whole = store.create(persona_text("whole"))
        with pytest.raises(PersonaExists):
            store.put_away("whole", etag=whole.etag)
        with pytest.raises(PersonaExists):
            store.rename_broken("a", "whole")
        for name in ("", "../a", "A b", "a.json", "x" * 300):
            with pytest.raises(PersonaInvalid):
                store.rename_broken("a", name)
        assert only_broken(store) == broken

    def test_it_gets_another_name_and_keeps_its_text(
        self, broken: BrokenPersona, store: PersonaStore
    ) -> None:
        store.rename_broken("a", "b", etag=broken.etag)
        renamed = only_broken(store)
        assert (renamed.id, renamed.filename, renamed.text) == ("b", "b.json", broken.text)


class TestRevisions:
    def test_each_save_says_when_by_whom_and_why(self, store: PersonaStore, revisions: Revisions) -> None:
        first = store.create(persona_text("a", name="First"), saving=Saving("ada", "A start"))
        second = store.save(persona_text("a", name="Second"), etag=first.etag, saving=Saving("bob"))
        newest, oldest = revisions.of("a")
        assert (newest.number, newest.name, newest.etag) == (2, "Second", second.etag)
        assert (newest.action, newest.author, newest.note, newest.text) == ("saved", "bob", "", "")
        assert (oldest.number, oldest.name, oldest.etag) == (1, "First", first.etag)
        assert (oldest.action, oldest.author, oldest.note) == ("created", "ada", "A start")
        assert oldest.saved_at <= newest.saved_at
        assert abs(newest.saved_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert revisions.get("a", 1).text == first.text
        assert revisions.get("a", 2).text == second.text

    def test_what_does_not_exist_has_none(self, store: PersonaStore, revisions: Revisions) -> None:
        store.save(persona_text("a"))
        assert revisions.of("b") == ()
        for persona_id, number in [("a", 0), ("a", 2), ("b", 1), ("", 1)]:
            with pytest.raises(RevisionNotFound):
                revisions.get(persona_id, number)

    def test_an_unchanged_save_makes_none(self, store: PersonaStore, revisions: Revisions) -> None:
        saved = store.save(persona_text("a"))
        assert store.save(saved.text, saving=Saving("bob", "Again")) == saved
        assert store.save(saved.text, etag=saved.etag) == saved
        assert history(revisions, "a") == [(1, "created")]

    def test_a_refused_save_makes_none(self, store: PersonaStore, revisions: Revisions) -> None:
        store.save(persona_text("a"))
        with pytest.raises(PersonaChanged):
            store.save(persona_text("a", name="New"), etag="0" * 32)
        with pytest.raises(PersonaExists):
            store.create(persona_text("a", name="New"))
        assert history(revisions, "a") == [(1, "created")]

    def test_what_came_another_way_says_so(self, store: PersonaStore, revisions: Revisions) -> None:
        store.create(persona_text("a"), saving=Saving(action="imported"))
        store.save(persona_text("a", name="New"), saving=Saving(action="imported"))
        store.save(persona_text("a"), saving=Saving(action="restored"))
        assert history(revisions, "a") == [(1, "imported"), (2, "imported"), (3, "restored")]

    def test_numbers_go_on_after_a_deletion(self, store: PersonaStore, revisions: Revisions) -> None:
        saved = store.create(persona_text("a"))
        store.delete("a", saving=Saving("ada"))
        gone = revisions.of("a")[0]
        assert (gone.action, gone.author, gone.etag) == ("deleted", "ada", saved.etag)
        assert revisions.get("a", gone.number).text == saved.text
        store.create(saved.text, saving=Saving(action="restored"))
        store.delete("a")
        store.save(saved.text)
        actions = ["created", "deleted", "restored", "deleted", "created"]
        assert history(revisions, "a") == list(enumerate(actions, start=1))

    def test_what_is_too_long_is_cut(self, store: PersonaStore, revisions: Revisions) -> None:
        store.save(persona_text("a"), saving=Saving("\U0001f9ed" * 1000, "n" * 10_000))
        (found,) = revisions.of("a")
        assert len(found.author) == MOST_AUTHOR_CHARACTERS
        assert len(found.note) == MOST_NOTE_CHARACTERS

    def test_a_long_history_comes_in_pages(self, store: PersonaStore, revisions: Revisions) -> None:
        for number in range(1, 8):
            store.save(persona_text("a", name=f"Number {number}"))
        page = revisions.of("a", limit=3)
        assert [each.number for each in page] == [7, 6, 5]
        page = revisions.of("a", limit=3, before=5)
        assert [each.number for each in page] == [4, 3, 2]
        assert [each.number for each in revisions.of("a", before=2)] == [1]

    def test_a_text_is_named_by_its_newest_revision(self, store: PersonaStore, revisions: Revisions) -> None:
        first = store.save(persona_text("a", name="First"))
        second = store.save(persona_text("a", name="Second"))
        store.save(first.text)
        other = store.save(persona_text("b"))
        spoken = {("a", first.etag), ("a", second.etag), ("b", other.etag), ("b", first.etag), ("c", "x")}
        assert revisions.numbers(frozenset(spoken)) == {
            ("a", first.etag): 3,
            ("a", second.etag): 2,
            ("b", other.etag): 1,
        }
        assert revisions.numbers(frozenset()) == {}

    def test_the_deleted_are_listed_until_they_come_back(
        self, store: PersonaStore, revisions: Revisions
    ) -> None:
        for persona_id in ("a", "b", "c", "d"):
            store.save(persona_text(persona_id))
        for persona_id in ("b", "a", "c"):
            store.delete(persona_id, saving=Saving(f"by {persona_id}"))
        store.create(persona_text("a"))
        found = revisions.deleted()
        assert [(each.persona_id, each.number, each.author) for each in found] == [
            ("c", 2, "by c"),
            ("b", 2, "by b"),
        ]
        assert [each.text for each in found] == ["", ""]
        assert [each.persona_id for each in revisions.deleted(limit=1)] == ["c"]

    def test_those_that_are_there_say_when_they_were_saved(
        self, store: PersonaStore, revisions: Revisions
    ) -> None:
        for persona_id in ("a", "b"):
            store.save(persona_text(persona_id))
        store.save(persona_text("a", name="New"))
        store.delete("b")
        assert revisions.newest() == {"a": revisions.of("a")[0].saved_at}

    def test_as_many_are_kept_as_the_setting_says(self, replicas: Replicas) -> None:
        store, revisions = replicas.open(most=2)
        for number in range(1, 6):
            store.save(persona_text("a", name=f"Number {number}"))
        assert [each.number for each in revisions.of("a")] == [5, 4]
        with pytest.raises(RevisionNotFound):
            revisions.get("a", 3)
        store.delete("a")
        store.create(persona_text("a"))
        assert history(revisions, "a") == [(6, "deleted"), (7, "created")]

    def test_every_server_reads_the_same_history(self, store: PersonaStore, replicas: Replicas) -> None:
        elsewhere, revisions = replicas.open()
        saved = store.save(persona_text("a"), saving=Saving("ada"))
        elsewhere.save(persona_text("a", name="New"), etag=saved.etag, saving=Saving("bob"))
        store.delete("a", saving=Saving("cy"))
        assert [each.author for each in revisions.of("a")] == ["cy", "bob", "ada"]
        assert isinstance(elsewhere.create(saved.text), StoredPersona)
        assert history(revisions, "a")[-1] == (4, "created")


def test_a_file_of_any_name_is_put_away_brought_back_and_renamed(tmp_path: Path) -> None:
    folder = tmp_path / "personas"
    folder.mkdir()
    (folder / "My tutor (1).json").write_bytes(persona_text("tutor").encode())
    (folder / "not utf-8.json").write_bytes(b'{"id": "\xff"}')
    (folder / "folder.json").mkdir()
    store = FilePersonaStore(folder)
    for name in ("My tutor (1)", "not utf-8", "folder"):
        store.put_away(name)
        assert name not in [each.id for each in store.all()]
        store.put_back(name)
    assert (folder / "not utf-8.json").read_bytes() == b'{"id": "\xff"}'
    store.rename_broken("My tutor (1)", "tutor")
    assert store.get("tutor").persona.id == "tutor"
