"""Drafting: whatever a model writes, a valid persona comes of it; a draft streams and stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.authoring.drafting import (
    MAX_DESCRIPTION_CHARACTERS,
    Drafter,
    drafted_offline,
    drafted_text,
    is_refused,
    nearest,
    proposed,
)
from personachat.errors import MessageInvalid
from personachat.owners import LOCAL_OWNER
from personachat.personas.persona import Persona, check_persona, parse_persona
from personachat.personas.word_diff import compared_words
from personachat.replies.live import LiveReply
from personachat.services import Services
from personachat.ui.prompt_improving import parts_of, text_with
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.strategies import json_values

WISH = "a patient SQL tutor for finance people"
WRITTEN = {
    "name": "SQL tutor",
    "description": "Teaches SQL with ledgers.",
    "systemPrompt": "You teach SQL to people who know spreadsheets.",
    "temperature": 0.4,
    "maxTokens": 600,
    "personality": {"tone": "patient", "style": "small steps", "formality": "friendly"},
    "greeting": "Which report would you like to build?",
    "starters": ["What is a join?", "Sum by month", "Explain NULL"],
    "examples": [{"user": "What is a join?", "assistant": "A lookup that never forgets a row."}],
    "tags": ["sql", "finance"],
    "avatar": ":material/school:",
}
KEYS = [*WRITTEN, "topP", "alternateGreetings", "id", "model", "stop", "extensions", "system_prompt", "junk"]


def read(reply: str, description: str = WISH, *, other_ids: tuple[str, ...] = ()) -> Persona:
    return parse_persona(drafted_text(reply, description, other_ids=other_ids, model="our-model"))


# --- what a reply holds ---------------------------------------------------------------------------


def test_a_json_object_becomes_the_persona_with_our_model_and_a_free_id() -> None:
    persona = read(json.dumps(WRITTEN), other_ids=("sql-tutor",))

    assert (persona.id, persona.model) == ("sql-tutor-2", "our-model")
    assert persona.system_prompt == WRITTEN["systemPrompt"]
    assert persona.temperature == 0.4
    assert persona.examples[0].assistant == "A lookup that never forgets a row."
    assert persona.avatar == ":material/school:"


@pytest.mark.parametrize(
    "around",
    [
        "```json\n{}\n```",
        "Sure! Here is {{your}} persona:\n\n{}\n\nDo you like it?",
        "<think>a {{ b</think>{}",
        '{{"persona": {}}}',
        '{{"ok": true}} {}',
    ],
)
def test_fences_prose_and_wrappers_around_the_object_are_tolerated(around: str) -> None:
    assert read(around.format(json.dumps(WRITTEN, indent=2))).name == "SQL tutor"


def test_keys_in_another_spelling_and_line_breaks_in_texts_are_understood() -> None:
    persona = read('{"Name": "X", "system_prompt": "One\ntwo", "max_tokens": "300"}')

    assert (persona.system_prompt, persona.max_tokens) == ("One\ntwo", 300)


def test_unknown_keys_are_dropped_and_numbers_bounded() -> None:
    written = WRITTEN | {"temperature": 9, "maxTokens": -5, "topP": 1.5, "mood": "good", "stop": [" "]}

    persona = read(json.dumps(written))

    assert (persona.temperature, persona.max_tokens, persona.top_p) == (2, 1, 1)
    assert persona.stop == ()


def test_a_temperature_of_zero_is_kept() -> None:
    assert read(json.dumps(WRITTEN | {"temperature": 0})).temperature == 0


def test_the_model_the_id_and_the_extensions_are_not_the_models_to_choose() -> None:
    persona = read(json.dumps(WRITTEN | {"id": "admin", "model": "gpt-99", "extensions": {"x": 1}}))

    assert (persona.id, persona.model, persona.extensions) == ("sql-tutor", "our-model", {})


@pytest.mark.parametrize(
    ("written", "kept"),
    [("school", ":material/school:"), ("🧭", "🧭"), (":material/no_such_icon:", ""), ("/etc/passwd", "")],
)
def test_an_avatar_is_one_that_exists_or_none(written: str, kept: str) -> None:
    assert read(json.dumps(WRITTEN | {"avatar": written})).avatar == kept


@pytest.mark.parametrize("cut", range(90, len(json.dumps(WRITTEN)), 7))
def test_a_reply_that_was_cut_off_gives_what_came(cut: int) -> None:
    persona = read(json.dumps(WRITTEN)[:cut])

    assert persona.name == "SQL tutor"
    assert persona.description == "Teaches SQL with ledgers."
    assert (
        str(WRITTEN["systemPrompt"]).startswith(persona.system_prompt) or "You are" in persona.system_prompt
    )


def test_a_reply_cut_off_inside_an_escape_keeps_the_prompt_before_it() -> None:
    assert read('{"name": "X", "systemPrompt": "One\\nTwo\\u00').system_prompt == "One\nTwo"
    assert read('{"name": "X", "systemPrompt": "One\\').system_prompt == "One"


def test_prose_without_an_object_becomes_the_prompt_behind_the_description() -> None:
    persona = read("```\nYou are a tutor who explains {joins} with ledgers.\n```")

    said = "You are a tutor who explains {joins} with ledgers."
    assert persona.system_prompt == f"You are: {WISH}\n\n{said}"
    assert persona.name == "Patient SQL tutor for finance people"
    assert persona.id == "patient-sql-tutor-for-finance-people"
    assert persona.description == WISH


@pytest.mark.parametrize(
    "reply", ["", "   \n", "```json\n```", '{"name": "X"}', '{"name": "X", "systemPrompt": 3}']
)
def test_without_a_prompt_the_description_is_one(reply: str) -> None:
    assert read(reply).system_prompt == f"You are: {WISH}"


@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        json_values | st.text() | st.lists(st.text()) | st.lists(st.dictionaries(st.text(), st.text())),
    ),
    st.text(),
    st.integers(0, 400),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_a_valid_persona_comes_of_it(
    written: dict[str, Any], description: str, cut: int
) -> None:
    whole = json.dumps(written)

    for reply in (whole, whole[:cut], description):
        text = drafted_text(reply, description, other_ids=("tester",), model="our-model")
        assert check_persona(text) == ()
        persona = parse_persona(text)
        assert (persona.model, persona.extensions) == ("our-model", {})
        assert persona.id != "tester"
        assert persona.system_prompt.strip()


@pytest.mark.parametrize(
    "reply", ["{" * 50_000, '{"a":' * 50_000, '{"a":[' * 20_000 + '"x"', '{"' + '\\"' * 40_000]
)
def test_a_hostile_reply_is_no_prompt(reply: str) -> None:
    persona = read(reply)
    assert persona.id == "patient-sql-tutor-for-finance-people"
    assert persona.system_prompt == f"You are: {WISH}"


# --- asking for it --------------------------------------------------------------------------------


@pytest.fixture
def drafter(services: Services) -> Drafter:
    return services.drafter


def ended(live_reply: LiveReply) -> LiveReply:
    seen = 0
    while live_reply.live:
        seen += len(live_reply.wait(seen, timeout_seconds=10))
    return live_reply


def test_the_description_is_asked_of_the_default_personas_model(
    drafter: Drafter, services: Services, fake: FakeProvider
) -> None:
    services.personas.create(persona_text("default-persona", model="house-model"))
    fake.enqueue(tokens([json.dumps(WRITTEN)]))

    reply = ended(drafter.start(f"  {WISH}\n", owner="me")).snapshot()

    (request,) = fake.chats
    assert request.body["model"] == "house-model"
    assert request.body["messages"][-1] == {"role": "user", "content": WISH}
    assert "systemPrompt" in request.body["messages"][0]["content"]
    persona = parse_persona(drafter.persona_text(reply.text, WISH, other_ids=()))
    assert (persona.name, persona.model) == ("SQL tutor", "house-model")


def test_a_stopped_draft_keeps_what_came(drafter: Drafter, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(['{"name": "Early", "systemPrompt": "You are', gate, " late."]))
    live_reply = drafter.start(WISH, owner="me")
    while "You are" not in live_reply.snapshot().text:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=10)

    live_reply.stop()

    reply = ended(live_reply).snapshot()
    assert reply.state == "stopped"
    assert parse_persona(drafter.persona_text(reply.text, WISH, other_ids=())).system_prompt == "You are"
    gate.open()


def test_a_draft_is_found_by_who_began_it_and_by_nobody_else(drafter: Drafter) -> None:
    live_reply = drafter.start(WISH, owner="me")

    mine = drafter.find(live_reply.id, owner="me")

    assert mine is not None
    assert (mine.live_reply, mine.description) == (live_reply, WISH)
    assert drafter.find(live_reply.id, owner="you") is None
    assert drafter.find("nothing", owner="me") is None


def test_a_draft_still_waits_once_the_one_that_was_begun_after_it_is_opened(drafter: Drafter) -> None:
    first, second = (ended(drafter.start(WISH, owner="me")) for _ in range(2))
    drafter.start(WISH, owner="you")
    waiting = [drafter.waiting(owner="me")]
    drafter.settle(second.id)
    waiting.append(drafter.waiting(owner="me"))
    drafter.settle(first.id)
    waiting.append(drafter.waiting(owner="me"))
    assert [drafting and drafting.live_reply for drafting in waiting] == [second, first, None]


def test_a_draft_is_in_no_conversation(drafter: Drafter, services: Services) -> None:
    ended(drafter.start(WISH, owner=LOCAL_OWNER))

    assert services.of(LOCAL_OWNER).library.list().conversations == ()


@pytest.mark.parametrize("description", ["", " \n ", "x" * (MAX_DESCRIPTION_CHARACTERS + 1)])
def test_an_empty_or_endless_description_is_refused(drafter: Drafter, description: str) -> None:
    with pytest.raises(MessageInvalid):
        drafter.start(description, owner="me")


def test_where_nobody_can_answer_the_draft_says_why(
    make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.providers.registry.embedded_model_installed", lambda _: False)
    drafter = make_services(openai_base_url=None, openai_api_key=None).drafter

    reply = ended(drafter.start(WISH, owner="me")).snapshot()

    assert reply.state == "failed"
    assert reply.error is not None
    assert reply.error.message


# --- where no model can write it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("I want a persona that helps me with cooking Italian food", "Cooking Italian food"),
        ("You are a pirate who speaks only in rhymes.", "Pirate"),
        ("Create an assistant called Max who reviews pull requests", "Max"),
        ("please write a bot for release notes", "Release notes"),
        ("Bewerbungscoach, der Fragen stellt", "Bewerbungscoach"),
        ("...", "New persona"),
        ("x" * 500, "X" + "x" * 79),
    ],
)
def test_a_name_out_of_a_description_is_a_name(description: str, name: str) -> None:
    assert read("", description).name == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("**SQL Tutor**", "SQL Tutor"),
        ("Name: Ada", "Ada"),
        ("You are a helpful assistant that reviews code for people.", "Helpful assistant"),
        ("Dr. Watson", "Dr. Watson"),
        (17, "Patient SQL tutor for finance people"),
    ],
)
def test_a_name_that_a_model_wrote_is_a_name(written: object, name: str) -> None:
    assert read(json.dumps(WRITTEN | {"name": written})).name == name


@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I cannot assist with this request.",
        "<think>no</think>\n\nI cannot create a persona that impersonates a real person.",
        "Leider kann ich dabei nicht helfen.",
        "Dabei kann ich leider nicht helfen.",
        "This request violates our content policy.",
        "Unable to comply.",
        '{"error": "I cannot do that"}',
        json.dumps(WRITTEN | {"systemPrompt": "I'm sorry, I can't write this prompt."}),
    ],
)
def test_a_refusal_is_no_prompt(reply: str) -> None:
    assert read(reply).system_prompt == f"You are: {WISH}"
    assert read(reply).name == read("").name
    assert is_refused(reply) == ("error" not in reply)


@pytest.mark.parametrize(
    "reply",
    [
        "{'name': 'SQL tutor', 'systemPrompt': 'You teach SQL.'}",
        'Here it is:\n{\n // what it is\n name: "SQL tutor",\n systemPrompt: "You teach SQL."\n}\nEnjoy!',
        "```yaml\nname: SQL tutor\nsystemPrompt: You teach SQL.\n```",
        '<think>{"name": "No"} is too short</think>{"name": "SQL tutor", "systemPrompt": "You teach SQL."}',
    ],
)
def test_what_is_nearly_json_is_read(reply: str) -> None:
    persona = read(reply)
    assert (persona.name, persona.system_prompt) == ("SQL tutor", "You teach SQL.")
    assert not is_refused(reply)


def test_an_apologetic_persona_is_no_refusal() -> None:
    prompt = "Sorry is your favourite word. You are a polite Canadian."
    assert read(json.dumps(WRITTEN | {"systemPrompt": prompt})).system_prompt == prompt


def test_without_a_model_the_nearest_template_begins_with_the_descriptions_own_words() -> None:
    wish = "someone who reviews my code changes and finds bugs"
    template = nearest(wish)
    assert template
    assert template.id == "code-reviewer"

    persona = parse_persona(drafted_offline(wish, other_ids=(), model="our-model"))

    assert persona.system_prompt == f"You are: {wish}\n\n{template.persona.system_prompt}"
    assert (persona.description, persona.model) == (wish, "our-model")
    assert persona.temperature == template.persona.temperature
    assert persona.name != template.persona.name


@pytest.mark.parametrize("wish", ["", "qqq", "the and you", "漢字", "\ud800 half"])
def test_what_is_near_to_no_template_has_its_own_words_alone(wish: str) -> None:
    assert nearest(wish) is None
    persona = parse_persona(drafted_offline(wish, other_ids=("new-persona",), model="our-model"))
    assert persona.system_prompt.startswith("You are:")
    assert len(persona.system_prompt) < 40


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=4_000))
def test_whatever_is_described_a_valid_persona_comes_of_it_without_a_model(description: str) -> None:
    text = drafted_offline(description, other_ids=("new-persona",), model="our-model")
    assert check_persona(text) == ()
    persona = parse_persona(text)
    assert persona.model == "our-model"
    assert persona.id != "new-persona"
    assert persona.system_prompt.startswith("You are:")


def test_the_embedded_model_is_not_asked_to_write(
    make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.providers.registry.embedded_model_installed", lambda _: True)
    assert make_services(openai_base_url=None, openai_api_key=None).drafter.writes_offline()
    assert not make_services().drafter.writes_offline()
    assert make_services().drafter.writes_offline(offline=True)


# --- a better prompt ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        "You are kind.",
        "```\nYou are kind.\n```",
        "<prompt>\nYou are kind.\n</prompt>",
        "\n~~~text\nYou are kind.\n~~~\n",
        "Here is the improved prompt:\n\nYou are kind.",
        "Sure!\n```markdown\nYou are kind.\n```\n\nI made it warmer.",
        "Sure!\n<prompt>\nYou are kind.\n</prompt>\nChanges: warmer.",
        "<think>Nice is vague.</think>\nYou are kind.",
        '{"prompt": "You are kind."}',
        "You are kind.\r\n",
    ],
)
def test_a_proposal_is_the_prompt_alone_and_keeps_the_space_around(reply: str) -> None:
    assert proposed(reply, "\nYou are nice.\n\n") == "\nYou are kind.\n\n"


@pytest.mark.parametrize("reply", ["", "  \n", "I'm sorry, but I can't help with that.", "You are nice."])
def test_what_is_no_other_prompt_is_no_proposal(reply: str) -> None:
    assert proposed(reply, "You are nice.\n") is None


def test_code_at_both_ends_of_a_prompt_is_no_fence() -> None:
    reply = "```\na\n```\nand\n```\nb\n```"
    assert proposed(reply, "x") == reply


def test_what_the_prompt_itself_has_stays_in_a_proposal() -> None:
    assert (
        proposed("Here is a rule:\n\nBe kind.", "Here is a rule:\n\nBe nice.")
        == "Here is a rule:\n\nBe kind."
    )
    assert proposed("Say\n```\nb\n```", "Say\n```\na\n```") == "Say\n```\nb\n```"
    assert proposed('{"tone": "kind"}', '{"tone": "nice"}') == '{"tone": "kind"}'
    assert proposed("<prompt>kind</prompt>", "<prompt>nice</prompt>") == "<prompt>kind</prompt>"


@given(st.text(max_size=80), st.text(max_size=80))
@settings(deadline=None)
def test_all_changes_are_the_new_text_and_none_the_old_one(before: str, after: str) -> None:
    pieces = compared_words(before, after)
    every = range(len(parts_of(pieces)))
    assert text_with(pieces, frozenset()) == before
    assert text_with(pieces, frozenset(every)) == after


def test_a_part_is_taken_by_itself() -> None:
    pieces = compared_words(
        "Be nice. Write short answers to all. Never guess.", "Be kind. Write short answers to all. Never lie."
    )
    assert [len(part.pieces) for part in parts_of(pieces)] == [4, 4]
    assert text_with(pieces, frozenset({0})) == "Be kind. Write short answers to all. Never guess."
    assert text_with(pieces, frozenset({1})) == "Be nice. Write short answers to all. Never lie."
