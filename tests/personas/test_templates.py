"""Templates: the shipped ones keep what they promise, own ones live beside them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from personachat.errors import TemplateNotFound
from personachat.personas import templates
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.store.own_templates import OwnTemplates
from personachat.personas.templates.gallery import (
    GROUPS,
    OWN_GROUP,
    Gallery,
    Template,
    matching_templates,
    shipped,
)
from personachat.services import Services

FILES = sorted(Path(templates.__file__).parent.glob("*.json"))


@pytest.fixture
def gallery(services: Services) -> Gallery:
    return Gallery(OwnTemplates(services.database))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_template_is_a_whole_persona_with_a_purpose_and_a_sample(path: Path) -> None:
    written = json.loads(path.read_text(encoding="utf-8"))
    persona = parse_persona(json.dumps(written["persona"]))

    assert set(written) == {"group", "purpose", "persona"}
    assert written["group"] in GROUPS
    assert 20 <= len(written["purpose"]) <= 90
    assert "\n" not in written["purpose"]
    assert persona.id == path.stem
    assert not persona.id.startswith("own-")
    assert 600 <= len(persona.system_prompt) <= 2000
    assert persona.greeting
    assert persona.description
    assert persona.avatar.startswith(":material/")
    assert persona.personality.tone
    assert len(persona.starters) == 3
    assert 1 <= len(persona.examples) <= 2
    assert persona.tags


def test_the_templates_are_many_in_every_group_and_none_is_like_another() -> None:
    assert len(shipped()) >= 16
    assert set(Counter(template.group for template in shipped())) == set(GROUPS)
    for what in ("id", "purpose"):
        assert len({getattr(template, what) for template in shipped()}) == len(shipped())
    for what in ("name", "avatar", "greeting", "system_prompt"):
        assert len({getattr(template.persona, what) for template in shipped()}) == len(shipped())


def test_templates_come_in_the_order_of_their_groups_and_names() -> None:
    order = [(GROUPS.index(template.group), template.persona.name) for template in shipped()]

    assert order == sorted(order)


def test_a_templates_text_is_its_personas() -> None:
    for template in shipped():
        assert parse_persona(template.text) == template.persona


def test_the_linter_finds_nothing_in_the_words_of_a_shipped_template(services: Services) -> None:
    findings = [
        (template.id, finding.message)
        for template in shipped()
        for finding in services.linter.lint(template.text)
        if not finding.code.startswith("model-")  # which model there is depends on who runs it
        if finding.code != "parameter-refused"  # and so does what it takes
    ]

    assert findings == []


def test_all_words_of_a_search_must_be_in_a_template() -> None:
    assert [each.id for each in matching_templates(shipped(), "interview RESEARCH")] == ["user-interviewer"]
    assert [each.id for each in matching_templates(shipped(), "sql query")] == ["sql-partner"]
    assert matching_templates(shipped(), "zebra sql") == ()
    assert matching_templates(shipped(), "  ") == shipped()
    assert {each.group for each in matching_templates(shipped(), "role-play")} == {"Role-play"}


def test_a_saved_persona_is_an_own_template_after_the_shipped_ones(gallery: Gallery) -> None:
    persona = Persona(id="tester", name="Tester", system_prompt="Test.", description="Tests\nthings.")

    saved = gallery.save(persona, author="ada")

    assert saved == Template("own-tester", OWN_GROUP, "Tests things.", persona, saved.text, own=True)
    assert gallery.all() == (*shipped(), saved)
    assert gallery.get("own-tester") == saved


def test_an_own_template_with_the_id_of_a_shipped_one_hides_nothing(gallery: Gallery) -> None:
    theirs = shipped()[0]
    mine = gallery.save(theirs.persona.model_copy(update={"name": "Mine"}), author="ada")

    assert gallery.get(theirs.id) == theirs
    assert gallery.get(mine.id).persona.name == "Mine"


def test_saving_again_replaces_the_own_template(gallery: Gallery) -> None:
    persona = Persona(id="tester", name="Tester", system_prompt="Test.")
    gallery.save(persona, author="ada")

    gallery.save(persona.model_copy(update={"name": "Better"}), author="ada")

    assert [each.persona.name for each in gallery.all() if each.own] == ["Better"]


def test_a_deleted_template_is_gone_and_handed_back(gallery: Gallery) -> None:
    saved = gallery.save(Persona(id="tester", name="Tester", system_prompt="Test."), author="ada")

    assert gallery.delete(saved.id) == saved
    assert gallery.all() == shipped()
    with pytest.raises(TemplateNotFound):
        gallery.get(saved.id)


@pytest.mark.parametrize("template_id", ["nobody", "own-nobody", "own-", "", "metric-detective"])
def test_what_is_no_own_template_cannot_be_deleted(gallery: Gallery, template_id: str) -> None:
    with pytest.raises(TemplateNotFound):
        gallery.delete(template_id)

    assert len(gallery.all()) == len(shipped())
