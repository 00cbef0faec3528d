"""A suite goes where its persona goes: deleted, restored, renamed, bundled, seeded, begun from a template."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from personachat.authoring.library import PersonaLibrary
from personachat.authoring.opening import opened
from personachat.cli.personas import create
from personachat.errors import EditingNotAllowed, PersonaChatError
from personachat.lab.suites.following import Following
from personachat.lab.suites.stored_suite import SUFFIX, for_persona
from personachat.lab.testing import Tests
from personachat.personas.store.seeding import SHIPPED
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.lab.conftest import SUITE

TEXT = "# Kept to the letter\n" + SUITE


@pytest.fixture(params=["files", "database"])
def services(make_services: Callable[..., Services], request: pytest.FixtureRequest) -> Services:
    return make_services(persona_store=request.param)


@pytest.fixture
def library(services: Services) -> PersonaLibrary:
    return local(services).collection


@pytest.fixture
def tests(services: Services) -> Tests:
    found = local(services).tests
    found.suites.save("tester", TEXT)
    return found


def text_of(tests: Tests, persona_id: str = "tester") -> str | None:
    found = tests.suites.find(persona_id)
    return found.text if found else None


def test_a_deleted_persona_takes_its_suite_along_and_brings_it_back(
    library: PersonaLibrary, tests: Tests
) -> None:
    library.delete("tester")
    assert text_of(tests) is None
    assert "tester" not in tests.suites.ids()
    library.bring_back("tester")
    assert text_of(tests) == TEXT


def test_restoring_a_revision_of_a_deleted_persona_restores_its_suite(
    library: PersonaLibrary, tests: Tests
) -> None:
    library.delete_all(["tester"])
    library.restore("tester", 1)
    assert text_of(tests) == TEXT


def test_a_suite_that_was_deleted_by_itself_stays_deleted(library: PersonaLibrary, tests: Tests) -> None:
    tests.suites.delete("tester")
    library.delete("tester")
    library.bring_back("tester")
    assert text_of(tests) is None


def test_a_new_persona_of_the_same_id_begins_without_tests(library: PersonaLibrary, tests: Tests) -> None:
    library.delete("tester")
    library.create(persona_text())
    assert text_of(tests) is None


def test_a_refused_deletion_leaves_the_suite(library: PersonaLibrary, tests: Tests) -> None:
    with pytest.raises(PersonaChatError):
        library.delete("tester", etag="another")
    assert text_of(tests) == TEXT


def test_a_renamed_persona_keeps_its_suite_under_its_new_id(library: PersonaLibrary, tests: Tests) -> None:
    library.rename("tester", "examiner")
    assert text_of(tests, "examiner") == TEXT.replace("tester", "examiner")
    assert "examiner" in tests.suites.ids()
    assert "tester" not in tests.suites.ids()


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ("persona: a # mine\ncases: []", "persona: b # mine\ncases: []"),
        ('{"persona" : "a", "cases": []}', '{"persona" : "b", "cases": []}'),
        ("# persona: x\npersona: a\n", "# persona: x\npersona: b\n"),
        ("no suite", "no suite"),
    ],
)
def test_a_suite_is_given_to_another_persona_to_the_letter(text: str, renamed: str) -> None:
    assert for_persona(text, "b") == renamed


def test_a_bundle_carries_suites_to_the_letter(
    library: PersonaLibrary, tests: Tests, make_services: Callable[..., Services], tmp_path: Path
) -> None:
    content = library.bundle(["tester"]).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read(f"personas/tester{SUFFIX}").decode() == TEXT
    assert library.export("tester", "bundle").content
    there = make_services(personas_dir=tmp_path / "other", data_dir=tmp_path / "other-data")
    other = local(there)
    other.collection.delete("tester")
    other.collection.carry_out(other.collection.plan_import(content), {})
    assert text_of(other.tests) == TEXT
    other.tests.suites.delete("tester")
    other.collection.carry_out(other.collection.plan_import(content), {})  # the persona is unchanged
    assert text_of(other.tests) == TEXT


def test_an_import_never_replaces_tests_of_a_persona_that_stays_as_it_was(
    library: PersonaLibrary, tests: Tests
) -> None:
    content = library.bundle(["tester"]).content
    mine = SUITE.replace("Why", "What")
    tests.suites.save("tester", mine)
    library.carry_out(library.plan_import(content), {})
    assert text_of(tests) == mine
    library.save(persona_text(name="Changed here"))
    library.carry_out(library.plan_import(content), {"tester": "mine"})
    assert text_of(tests) == mine
    (kept_both,) = library.carry_out(library.plan_import(content), {"tester": "both"})
    assert kept_both.saved
    assert text_of(tests, kept_both.saved.id) == TEXT.replace("tester", kept_both.saved.id)
    library.carry_out(library.plan_import(content), {"tester": "theirs"})
    assert text_of(tests) == TEXT


def test_a_zip_packed_by_hand_brings_the_suites_beside_its_personas(library: PersonaLibrary) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mine/helper.json", persona_text("helper"))
        archive.writestr(f"mine/helper{SUFFIX}", for_persona(SUITE, "helper"))
        archive.writestr(f"other{SUFFIX}", SUITE)
    plan = library.plan_import(packed.getvalue())
    assert [each.reason for each in plan.skipped] == ["Tests without a persona beside them."]
    assert not plan.broken
    library.carry_out(plan, {})
    with zipfile.ZipFile(io.BytesIO(library.bundle(["helper"]).content)) as archive:
        assert archive.read(f"personas/helper{SUFFIX}").decode() == for_persona(SUITE, "helper")


def test_a_suite_with_problems_comes_along_with_them(
    services: Services, library: PersonaLibrary, tests: Tests
) -> None:
    broken = SUITE.replace("questions", "questionz")
    services.testing.suites.put("tester", broken)
    content = library.bundle(["tester"]).content
    library.delete("tester")
    library.carry_out(library.plan_import(content), {})
    found = tests.suites.find("tester")
    assert found is not None
    assert (found.text, len(found.problems)) == (broken, 1)


def test_who_may_not_edit_brings_no_tests_in(services: Services, library: PersonaLibrary) -> None:
    reader = services.of("browser:reader", may_edit=False).collection
    with pytest.raises(EditingNotAllowed):
        reader.keep_tests("tester", SUITE)
    assert library.bundle().content


def test_a_database_begins_with_the_suites_of_the_shipped_personas_once(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(personas_dir=SHIPPED, persona_store="database")
    tests = local(services).tests
    shipped_ids = sorted(path.name.removesuffix(SUFFIX) for path in SHIPPED.glob(f"*{SUFFIX}"))
    assert sorted(tests.suites.ids()) == shipped_ids
    assert all(not tests.suites.get(each).problems for each in shipped_ids)
    tests.suites.delete("data-analyst")
    services.close()
    again = make_services(personas_dir=SHIPPED, persona_store="database")
    assert "data-analyst" not in local(again).tests.suites.ids()


def test_a_folder_of_ones_own_gives_its_own_suites_to_the_database(
    make_services: Callable[..., Services], tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine.json").write_text(persona_text("mine"))
    (folder / f"mine{SUFFIX}").write_text(for_persona(SUITE, "mine"))
    (folder / f"default-persona{SUFFIX}").write_text("no persona has this")
    services = make_services(personas_dir=folder, persona_store="database")
    assert local(services).tests.suites.ids() == ("mine",)


def test_a_persona_made_of_a_template_in_the_terminal_gets_its_tests(
    services: Services, tests: Tests
) -> None:
    with opened(services.settings, following=Following.of) as personas:
        create(personas, "my-tutor", template="socratic-tutor")
        assert (
            "personas/my-tutor.tests.yaml"
            in zipfile.ZipFile(io.BytesIO(personas.collection.bundle(["my-tutor"]).content)).namelist()
        )
    template = services.gallery.get("socratic-tutor")
    assert text_of(tests, "my-tutor") == for_persona(template.tests, "my-tutor")
    assert tests.suites.get("my-tutor").problems == ()
    with opened(services.settings, following=Following.of) as personas:
        personas.collection.delete("my-tutor")
    assert text_of(tests, "my-tutor") is None
