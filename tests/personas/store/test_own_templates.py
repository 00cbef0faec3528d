from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import update

from personachat.database.connection import Database
from personachat.errors import PersonaInvalid, TemplateNotFound
from personachat.personas.persona import Persona, dump_persona, parse_persona
from personachat.personas.store.base import MOST_AUTHOR_CHARACTERS
from personachat.personas.store.own_templates import OwnTemplates
from personachat.personas.store.tables import persona_templates
from tests.conftest import persona_text
from tests.strategies import personas


@pytest.fixture
def templates(database: Database) -> OwnTemplates:
    return OwnTemplates(database)


def test_there_are_none_at_first(templates: OwnTemplates) -> None:
    assert templates.all() == ()


def test_a_template_is_kept_to_the_letter(templates: OwnTemplates) -> None:
    text = persona_text("a", name="Ärger 😀").replace(",", " ,\n\t")
    saved = templates.save(text, author="Ada")
    assert (saved.id, saved.text, saved.author) == ("a", text, "Ada")
    assert saved.persona == parse_persona(text)
    assert templates.all() == (saved,)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(persona=personas())
def test_whatever_a_persona_holds_comes_back(templates: OwnTemplates, persona: Persona) -> None:
    templates.save(dump_persona(persona), author="")
    assert persona in [template.persona for template in templates.all()]


def test_templates_are_listed_by_name_without_regard_to_case(templates: OwnTemplates) -> None:
    for persona_id, name in (("a", "zebra"), ("b", "Apple"), ("c", "apple"), ("d", "Bee")):
        templates.save(persona_text(persona_id, name=name), author="")
    assert [template.id for template in templates.all()] == ["b", "c", "d", "a"]


def test_saving_one_again_replaces_it(templates: OwnTemplates) -> None:
    first = templates.save(persona_text("a", name="Old"), author="Ada")
    second = templates.save(persona_text("a", name="New"), author="Grace")
    assert templates.all() == (second,)
    assert second.author == "Grace"
    assert second.created_at >= first.created_at


def test_what_is_no_persona_is_refused_and_nothing_kept(templates: OwnTemplates) -> None:
    with pytest.raises(PersonaInvalid):
        templates.save('{"id": "a"}', author="")
    assert templates.all() == ()


def test_an_author_that_is_too_long_is_cut(templates: OwnTemplates) -> None:
    saved = templates.save(persona_text("a"), author="x" * 1_000)
    assert saved.author == "x" * MOST_AUTHOR_CHARACTERS
    assert templates.all() == (saved,)


def test_a_deleted_one_is_returned_and_gone(templates: OwnTemplates) -> None:
    saved = templates.save(persona_text("a"), author="Ada")
    kept = templates.save(persona_text("b"), author="Ada")
    assert templates.delete("a") == saved
    assert templates.all() == (kept,)
    with pytest.raises(TemplateNotFound):
        templates.delete("a")


def test_one_that_follows_the_schema_no_longer_is_left_out_until_it_is_saved_again(
    templates: OwnTemplates, database: Database
) -> None:
    templates.save(persona_text("a"), author="Ada")
    kept = templates.save(persona_text("b"), author="Ada")
    with database.write() as connection:
        row = update(persona_templates).where(persona_templates.c.id == "a")
        connection.execute(row.values(text='{"id": "a"}'))
    assert templates.all() == (kept,)
    templates.save(persona_text("a"), author="Ada")
    assert len(templates.all()) == 2


def test_many_who_save_one_at_once_leave_one(templates: OwnTemplates) -> None:
    saved: list[str] = []
    together = threading.Barrier(8)

    def save(number: int) -> None:
        together.wait()
        saved.append(templates.save(persona_text("a", name=f"Name {number}"), author="").text)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(saved) == 8
    (template,) = templates.all()
    assert template.text in saved
