"""What an import would do, and what it does as chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from personachat.authoring.imports import ImportPlan
from personachat.errors import ImportRefused, LinkInvalid, PersonaChanged, PersonaInvalid, ShareNotFound
from personachat.personas.formats import links
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.pictures.drawn import picture


@pytest.fixture
def collection(services: Services) -> Any:
    return local(services).collection


def file_of(*texts: str) -> bytes:
    return f"[{','.join(texts)}]".encode()


def actions(plan: ImportPlan) -> dict[str, str]:
    return {item.id: item.action for item in plan.items}


def test_a_plan_tells_new_unchanged_and_conflicting_apart(collection: Any) -> None:
    collection.create(persona_text("same"))
    collection.create(persona_text("other", temperature=0.1))
    content = file_of(persona_text("same"), persona_text("other", temperature=0.9), persona_text("fresh"))
    plan = collection.plan_import(content)
    assert actions(plan) == {"same": "unchanged", "other": "conflict", "fresh": "new"}
    conflict = plan.conflicts[0]
    assert [each.path for each in conflict.differences] == [("temperature",)]
    assert (conflict.differences[0].before, conflict.differences[0].after) == (0.1, 0.9)


def test_nothing_is_saved_by_a_plan(collection: Any, services: Services) -> None:
    before = services.personas.all()
    collection.plan_import(file_of(persona_text("fresh")))
    assert services.personas.all() == before


def test_a_bundle_of_a_later_version_is_a_change_and_no_conflict(
    make_services: Callable[..., Services], tmp_path: Any
) -> None:
    here = local(make_services()).collection
    there = local(make_services(personas_dir=tmp_path / "p2", data_dir=tmp_path / "d2")).collection
    first = persona_text("traveller", temperature=0.1)
    here.create(first)
    there.create(first)
    there.save(persona_text("traveller", temperature=0.2))
    plan = here.plan_import(there.bundle({"traveller"}).content)
    assert actions(plan) == {"traveller": "changed"}
    outcome = here.carry_out(plan, {})[0]
    assert outcome.result == "updated"
    assert here.get("traveller").persona.temperature == 0.2
    assert here.revisions.of("traveller")[0].action == "imported"
    back = there.plan_import(here.bundle({"traveller"}).content)
    assert actions(back) == {"traveller": "unchanged"}


def test_a_conflict_keeps_what_is_here_unless_chosen_otherwise(collection: Any) -> None:
    mine = collection.create(persona_text("one", temperature=0.1))
    plan = collection.plan_import(file_of(persona_text("one", temperature=0.9)))
    assert collection.carry_out(plan, {})[0].result == "kept"
    assert collection.get("one") == mine
    assert collection.carry_out(plan, {"one": "theirs"})[0].result == "updated"
    assert collection.get("one").persona.temperature == 0.9


def test_both_are_kept_under_different_ids(collection: Any) -> None:
    mine = collection.create(persona_text("one", temperature=0.1))
    plan = collection.plan_import(file_of(persona_text("one", temperature=0.9), persona_text("one-2")))
    outcomes = collection.carry_out(plan, {"one": "both"})
    assert [(each.id, each.result, each.saved.id) for each in outcomes] == [
        ("one", "renamed", "one-3"),
        ("one-2", "created", "one-2"),
    ]
    assert collection.get("one") == mine
    assert collection.get("one-3").persona.temperature == 0.9


def test_what_was_changed_after_the_plan_is_not_overwritten(collection: Any) -> None:
    collection.create(persona_text("one", temperature=0.1))
    plan = collection.plan_import(file_of(persona_text("one", temperature=0.9), persona_text("two")))
    newer = collection.save(persona_text("one", temperature=0.5))
    outcomes = collection.carry_out(plan, {"one": "theirs"})
    assert [each.result for each in outcomes] == ["failed", "created"]
    assert isinstance(outcomes[0].error, PersonaChanged)
    assert collection.get("one") == newer


def test_what_is_new_can_be_left_out(collection: Any) -> None:
    plan = collection.plan_import(file_of(persona_text("one"), persona_text("two")))
    outcomes = collection.carry_out(plan, {"one": "mine"})
    assert [each.result for each in outcomes] == ["kept", "created"]


def test_a_broken_file_of_that_id_is_a_conflict_that_can_be_mended(
    collection: Any, services: Services
) -> None:
    broken = services.settings.personas_dir / "one.json"
    broken.write_text("{")
    plan = collection.plan_import(file_of(persona_text("one")))
    assert actions(plan) == {"one": "conflict"}
    assert collection.carry_out(plan, {})[0].result == "kept"
    assert broken.read_text() == "{"
    assert collection.carry_out(plan, {"one": "theirs"})[0].result == "updated"
    assert collection.get("one").persona.name == "One"


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"[]", b'"text"', b"\xff\xfe", b"{}"])
def test_what_is_no_persona_is_refused_in_a_sentence(collection: Any, content: bytes) -> None:
    with pytest.raises((ImportRefused, PersonaInvalid)) as refused:
        collection.plan_import(content)
    assert str(refused.value).rstrip(")").endswith((".", "…", "more"))


def test_a_link_carries_the_persona_and_saves_nothing(collection: Any) -> None:
    text = persona_text("one", temperature=0.3)
    collection.create(text)
    link = collection.link("one")
    collection.delete("one")
    plan = collection.plan_link(link.persona)
    assert actions(plan) == {"one": "new"}
    assert json.loads(plan.items[0].arrival.text) == json.loads(text)
    assert "one" not in {stored.id for stored in collection.all()}


def test_a_link_that_was_cut_off_is_refused(collection: Any) -> None:
    collection.create(persona_text("one"))
    with pytest.raises(LinkInvalid):
        collection.plan_link(collection.link("one").persona[:-5])


def test_a_persona_too_long_for_an_address_gets_a_short_link_that_can_be_revoked(collection: Any) -> None:
    noise = "".join(chr(0x4E00 + (number * 7919) % 20_000) for number in range(9_000))
    collection.create(persona_text("long", systemPrompt=noise))
    assert links.packed(collection.get("long").text) is None
    assert collection.link("long").persona == ""
    assert collection.link("long").share is None
    share = collection.share("long")
    assert collection.link("long").share == share
    assert actions(collection.plan_share(share.token)) == {"long": "unchanged"}
    collection.revoke("long")
    with pytest.raises(ShareNotFound):
        collection.plan_share(share.token)


def test_an_id_that_is_reserved_is_refused_with_a_sentence_and_the_others_come_in(collection: Any) -> None:
    plan = collection.plan_import(file_of(persona_text("schema"), persona_text("fresh")))
    refused, imported = collection.carry_out(plan, {})
    assert "reserved" in str(refused.error)
    assert imported.error is None
    assert {stored.id for stored in collection.all()} == {"tester", "fresh"}


def test_a_card_with_a_picture_comes_whole_or_not_at_all_while_the_database_is_away(
    make_services: Callable[..., Services], tmp_path: Any
) -> None:
    there = local(make_services(data_dir=tmp_path / "d2")).collection
    there.create(persona_text("ada"))
    there.set_picture("ada", there.add_picture(picture()))
    card = there.export("ada", "card-png").content
    away = make_services(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        database_timeout_seconds=1,
        personas_dir=tmp_path / "p2",
    )
    here = local(away).collection

    plan = here.plan_import(card)
    (failed,) = here.carry_out(plan, {})
    assert failed.result == "failed"
    assert failed.error
    assert failed.error.code == "database_unavailable"
    assert sorted(each.name for each in (tmp_path / "p2").glob("ada*")) == []


SPENDING = {"onSave": True, "maxCostUsd": 50, "sampling": {"percent": 100}, "questions": ["Is it warm?"]}


def test_what_comes_in_starts_no_tests_by_itself_and_says_so(collection: Any) -> None:
    plan = collection.plan_import(file_of(persona_text("eager", extensions={"tests": SPENDING})))
    assert any("automatic tests" in loss for loss in plan.items[0].losses)
    (outcome,) = collection.carry_out(plan, {})
    assert outcome.saved.persona.extensions["tests"] == {"questions": ["Is it warm?"]}


def test_a_later_version_keeps_what_may_be_spent_here(collection: Any) -> None:
    allowed = {"onSave": True, "maxCostUsd": 0.1}
    collection.create(persona_text("eager", extensions={"tests": allowed}))
    coming = persona_text("eager", systemPrompt="New.", extensions={"tests": SPENDING})
    plan = collection.plan_import(file_of(coming))
    (outcome,) = collection.carry_out(plan, {"eager": "theirs"})
    assert outcome.saved.persona.system_prompt == "New."
    assert outcome.saved.persona.extensions["tests"] == {**allowed, "questions": ["Is it warm?"]}


def test_a_template_starts_no_tests_by_itself(services: Services) -> None:
    workspace = local(services)
    stored = workspace.collection.create(persona_text("eager", extensions={"tests": SPENDING}))
    template = workspace.gallery.save(stored.persona, author="me")
    assert services.gallery.get(template.id).persona.extensions["tests"] == {"questions": ["Is it warm?"]}
