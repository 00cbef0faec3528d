"""The same card is known again, whatever its name and what became of its persona; two names are two ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from personachat.personas.fields import free_id
from personachat.personas.formats.safe_zip import archive
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider


@pytest.fixture
def collection(services: Services) -> Any:
    return local(services).collection


def card(name: str, **more: Any) -> bytes:
    top = {key: more.pop(key) for key in ("chat", "create_date") if key in more}
    data = {"name": name, "description": f"About {name}.", "first_mes": "Hi", "extensions": {}} | more
    return json.dumps({"spec": "chara_card_v2", "spec_version": "2.0", "data": data} | top).encode()


def brought(collection: Any, content: bytes, **choices: str) -> list[str]:
    """What became of each persona of a file, as "action:id"."""
    plan = collection.plan_import(content)
    outcomes = collection.carry_out(plan, choices)
    return [
        f"{item.action}:{outcome.saved.id if outcome.saved else outcome.id}"
        for item, outcome in zip(plan.items, outcomes, strict=True)
    ]


@pytest.mark.parametrize("name", ["灯台守", "海の郵便屋", "Ж", "مرحبا", "안녕", "🙂", "Zoë & Co"])
def test_names_in_every_script_give_ids_that_can_be_read(name: str) -> None:
    assert not free_id(name, ()).startswith("persona")


def test_names_of_which_nothing_is_left_get_ids_of_their_own() -> None:
    found = {free_id(name, ()) for name in ("★", "☆☆", "…", "\u0301")}
    assert len(found) == 4
    assert free_id("★", ()) == free_id("★", ())


def test_two_cards_in_other_scripts_are_two_personas_and_known_again(collection: Any) -> None:
    first, second = card("灯台守"), card("海の郵便屋")
    assert brought(collection, first)[0].startswith("new:")
    assert brought(collection, second)[0].startswith("new:")
    assert brought(collection, first)[0].startswith("unchanged:")
    assert brought(collection, second)[0].startswith("unchanged:")


def test_a_card_whose_persona_has_another_id_is_known_by_its_origin(collection: Any) -> None:
    collection.create(persona_text("ana", name="Ana", temperature=0.1))
    assert brought(collection, card("Ana"), ana="both") == ["conflict:ana-2"]
    assert brought(collection, card("Ana")) == ["unchanged:ana-2"]


def test_a_newer_card_of_the_same_maker_is_known_by_name_and_maker(collection: Any) -> None:
    brought(collection, card("Ana", creator="kim"))
    old = json.loads(collection.get("ana").text)
    collection.create(json.dumps(old | {"id": "keeper"}))
    collection.delete("ana")
    plan = collection.plan_import(card("Ana", creator="kim", description="Better."))
    assert [(item.id, item.action) for item in plan.items] == [("keeper", "conflict")]
    assert plan.items[0].collides_with == "Ana (keeper)"


def test_what_sillytavern_notes_in_passing_changes_nothing(collection: Any) -> None:
    brought(collection, card("Ana", chat="Ana - 1", create_date="2024-1-1 @1h"))
    assert brought(collection, card("Ana", chat="Ana - 2", create_date="2025-1-1 @1h")) == ["unchanged:ana"]


def test_a_derived_id_that_another_persona_has_is_no_conflict(collection: Any) -> None:
    collection.create(persona_text("a-b", name="A b"))
    assert brought(collection, card("A/B")) == ["new:a-b-2"]


def test_a_zip_with_two_cards_of_one_name_brings_both(collection: Any) -> None:
    files = {"one.json": card("灯台守"), "two.json": card("灯台守", description="Another one.")}
    ids = brought(collection, archive(files))
    assert [each.partition(":")[0] for each in ids] == ["new", "new"]
    assert len(set(ids)) == 2
    assert all(each.startswith("unchanged") for each in brought(collection, archive(files)))


def test_an_agent_of_another_program_is_known_again_after_its_name_was_changed(collection: Any) -> None:
    agent = {"id": "agent_7", "name": "Clerk", "instructions": "You are a clerk.", "model_parameters": {}}
    brought(collection, json.dumps(agent).encode())
    text = json.loads(collection.get("clerk").text)
    collection.save(json.dumps(text | {"name": "My clerk"}))
    plan = collection.plan_import(json.dumps(agent | {"name": "Clerk II"}).encode())
    assert [(item.id, item.action) for item in plan.items] == [("clerk", "conflict")]


# --- the model ------------------------------------------------------------------------------------


def test_a_card_gets_a_model_that_answers_and_leaves_as_it_came(collection: Any) -> None:
    content = card("Ana")
    plan = collection.plan_import(content)
    assert any('gets "fake-1"' in loss for loss in plan.items[0].losses)
    collection.carry_out(plan, {})
    assert collection.get("ana").persona.model == "fake-1"
    assert json.loads(collection.export("ana", "card-v2").content) == json.loads(content)


def test_a_model_that_was_chosen_by_hand_travels_with_the_card(collection: Any) -> None:
    brought(collection, card("Ana"))
    text = json.loads(collection.get("ana").text)
    collection.save(json.dumps(text | {"model": "fake-2"}))
    exported = collection.export("ana", "card-v2").content
    assert collection.plan_import(exported).items[0].arrival.persona.model == "fake-2"


def test_a_model_in_the_file_is_kept_if_it_is_to_be_had(collection: Any, fake: FakeProvider) -> None:
    def asking(model: str) -> Any:
        agent = {"id": f"agent_{model}", "name": model, "instructions": "Hi there.", "model": model}
        return collection.plan_import(json.dumps(agent | {"model_parameters": {}}).encode()).items[0]

    assert asking("fake-2").arrival.persona.model == "fake-2"
    assert asking("fake-2").losses == ()
    retired = asking("gpt-4")
    assert retired.arrival.persona.model == "fake-1"
    assert any('"gpt-4", which is not available here' in loss for loss in retired.losses)


def test_what_personachat_wrote_keeps_its_model_with_a_word(collection: Any) -> None:
    item = collection.plan_import(persona_text("one", model="nobody-has-this").encode()).items[0]
    assert json.loads(item.arrival.text)["model"] == "nobody-has-this"
    assert any("is not available here" in loss for loss in item.losses)


def test_without_a_key_the_offline_model_is_what_answers(make_services: Callable[..., Services]) -> None:
    offline = make_services(openai_base_url=None, openai_api_key=None)
    collection = local(offline).collection
    found = collection.plan_import(card("Ana")).items[0].arrival.persona
    assert found.model == offline.models.best()
    assert "smollm2" in offline.models.best()


def test_the_operators_default_is_what_a_new_persona_asks_for(make_services: Callable[..., Services]) -> None:
    assert make_services(default_model="fake-2").models.best() == "fake-2"
    house = make_services()
    house.personas.save(persona_text("default-persona", model="house-model"))
    assert house.models.best() == "house-model"
    house.personas.save(persona_text("default-persona", model="gpt-4"))
    assert house.models.best() in {"fake-1", "fake-2"}
