"""Traits of a variant, and who goes on in a chat that was a column."""

from __future__ import annotations

import pytest

from personachat.accounts.person import Person, Role
from personachat.accounts.rights import PersonaAccess
from personachat.errors import LabelNotFound, PersonaNotFound, RevisionNotFound
from personachat.lab.comparisons.continuing import differences
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.personas.persona import parse_persona
from personachat.request_context import RequestContext, current_request
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider
from tests.lab.comparisons.conftest import ended


def begun(comparisons: Comparisons, *setups: Setup) -> str:
    comparison_id = comparisons.begin(setups, "Hello?")
    ended(comparisons, comparison_id)
    return comparison_id


def test_traits_of_a_variant_reach_the_model_and_its_name(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    warm = Setup(persona_id="ada", tone="warm", formality="casual")
    shown = comparisons.seen(begun(comparisons, Setup(persona_id="ada"), warm))
    names = [each.name for each in shown.variants]
    assert names[1].endswith("tone warm · formality casual")
    prompts = [each.body["messages"][0]["content"] for each in fake.chats]
    assert sum("Tone: warm" in each and "Formality: casual" in each for each in prompts) == 1


def test_a_labelled_revision_goes_on_as_itself(comparing_services: Services, fake: FakeProvider) -> None:
    workspace = local(comparing_services)
    number = comparing_services.revisions.of("ada")[-1].number
    comparing_services.labels.put("ada", "stable", number, author="")
    comparing_services.personas.save(persona_text("ada", model="fake-1", systemPrompt="Second."))
    setups = [Setup(persona_id="ada", revision=number), Setup(persona_id="bob")]
    comparison_id = begun(workspace.comparisons, *setups)
    continued = workspace.comparisons.continue_with(comparison_id, "A")
    assert (continued.persona, continued.differs) == ("ada@stable", ())
    conversation = workspace.chat.conversation(continued.conversation_id)
    assert {turn.persona_address for turn in conversation.path} == {"ada@stable"}
    workspace.chat.send(continued.conversation_id, "And?", persona_id=continued.persona)
    assert {each.body["messages"][0]["content"] for each in fake.wait_for_chats(3)} >= {"You are ada."}


def test_a_revision_without_a_label_goes_on_as_exactly_itself(
    comparing_services: Services, fake: FakeProvider
) -> None:
    workspace = local(comparing_services)
    number = comparing_services.revisions.of("ada")[-1].number
    comparing_services.personas.save(persona_text("ada", model="fake-1", systemPrompt="Second."))
    setups = [Setup(persona_id="ada", revision=number), Setup(persona_id="ada")]
    comparison_id = begun(workspace.comparisons, *setups)
    continued = workspace.comparisons.continue_with(comparison_id, "A")
    assert (continued.persona, continued.differs) == (f"ada@{number}", ())
    comparing_services.personas.save(persona_text("ada", model="fake-1", systemPrompt="Third."))
    workspace.chat.send(continued.conversation_id, "And?", persona_id=continued.persona)
    asked = fake.wait_for_chats(3)[-1].body["messages"]
    assert [each["content"] for each in asked] == ["You are ada.", "Hello?", "You said: Hello?", "And?"]
    conversation = workspace.chat.conversation(continued.conversation_id)
    assert {turn.persona_address for turn in conversation.path} == {f"ada@{number}"}
    assert workspace.comparisons.continue_with(comparison_id, "B").persona == "ada@2"


def test_a_number_leads_nobody_to_a_prompt_that_is_hidden_from_them(comparing_services: Services) -> None:
    number = comparing_services.revisions.of("ada")[-1].number
    comparing_services.accesses.put("ada", PersonaAccess("user:bo", prompt_visible=False))

    def asked(key: str, address: str) -> None:
        workspace = comparing_services.of(key, person=Person(key, Role.EDITOR))
        workspace.chat.begin("Hello?", persona_id=address)

    asked("user:cleo", "ada")
    asked("user:bo", f"ada@{number}")
    for key, address in (("user:cleo", f"ada@{number}"), ("user:bo", "ada@99"), ("user:bo", "ada@0")):
        with pytest.raises((RevisionNotFound, LabelNotFound)):
            asked(key, address)


def test_a_columns_own_model_and_parameters_go_on_in_the_chat(
    comparing_services: Services, fake: FakeProvider
) -> None:
    workspace = local(comparing_services)
    number = comparing_services.revisions.of("ada")[-1].number
    comparing_services.personas.save(persona_text("ada", model="fake-1", systemPrompt="Second."))
    setup = Setup(
        persona_id="ada",
        revision=number,
        model="fake-9",
        temperature=0.5,
        top_p=0.25,
        max_tokens=9,
        tone="dry",
    )
    comparison_id = begun(workspace.comparisons, setup, Setup(persona_id="bob"))
    continued = workspace.comparisons.continue_with(comparison_id, "A")
    assert (continued.persona, continued.differs) == (f"ada@{number}", ())
    asked = next(each.body for each in fake.chats if each.body["model"] == "fake-9")
    workspace.chat.send(continued.conversation_id, "And?", persona_id=continued.persona)
    again = fake.wait_for_chats(3)[-1].body
    assert again["messages"][:2] == asked["messages"]
    assert {**again, "messages": ()} == {**asked, "messages": ()}
    assert continued.settings.as_record() == {
        "model": "fake-9",
        "temperature": 0.5,
        "top_p": 0.25,
        "max_tokens": 9,
        "tone": "dry",
    }


def test_of_a_draft_it_is_said_what_no_saved_version_has(comparisons: Comparisons) -> None:
    text = persona_text("ada", model="fake-9", systemPrompt="Not saved.", greeting="Hi.")
    comparison_id = begun(comparisons, Setup(persona_id="ada", text=text), Setup(persona_id="bob"))
    continued = comparisons.continue_with(comparison_id, "A")
    assert continued.persona == "ada"
    assert continued.settings.as_record() == {"model": "fake-9"}
    assert continued.differs == ("another prompt", "other details")


def test_a_persona_that_is_gone_is_said_to_be(comparing_services: Services) -> None:
    comparisons = local(comparing_services).comparisons
    comparison_id = begun(comparisons, Setup(persona_id="ada"), Setup(persona_id="bob"))
    comparing_services.personas.delete("ada")
    assert comparisons.continue_with(comparison_id, "A").differs == ("the persona, which no longer exists",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ()),
        ({"name": "Somebody"}, ()),
        ({"systemPrompt": "Secret words."}, ("another prompt",)),
        ({"topP": 0.5, "maxTokens": 7}, ("top p 0.5", "max tokens 7")),
        ({"greeting": "Hello"}, ("other details",)),
        ({"personality": {"style": "x"}}, ("another style",)),
    ],
)
def test_differences_are_told_without_words_of_the_prompt(
    change: dict[str, object], told: tuple[str, ...]
) -> None:
    saved = parse_persona(persona_text("ada"))
    assert differences(parse_persona(persona_text("ada", **change)), saved) == told


@pytest.mark.parametrize("changed", ["accesses", "token"])
def test_a_persona_that_is_no_longer_theirs_is_not_asked_again(
    changed: str, comparing_services: Services, fake: FakeProvider
) -> None:
    cleo = Person("user:cleo", Role.EDITOR)
    comparisons = comparing_services.of(cleo.key, person=cleo).comparisons
    comparison_id = begun(comparisons, Setup(persona_id="ada"), Setup(persona_id="bob"))
    asked = len(fake.chats)
    request = RequestContext("req_1")
    if changed == "accesses":
        comparing_services.accesses.put("bob", PersonaAccess("user:bo", "private"))
    else:
        request = RequestContext("req_1", personas=frozenset({"ada"}))
    around = current_request.set(request)
    try:
        with pytest.raises(PersonaNotFound):
            comparisons.send(comparison_id, "And now?")
        with pytest.raises(PersonaNotFound):
            comparisons.retry(comparison_id, "B")
    finally:
        current_request.reset(around)
    assert len(comparisons.seen(comparison_id).rounds) == 1
    assert not any("And now?" in str(each.body) for each in fake.chats[asked:])
