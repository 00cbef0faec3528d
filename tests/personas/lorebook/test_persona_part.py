"""What a persona adds to a conversation: lore and directions stand where their author put them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from personachat.messages import ChatMessage
from personachat.personas.persona import Persona
from personachat.personas.prompt import (
    Scene,
    compile_prompt,
    greeting,
    greetings,
    persona_part,
    system_message,
)
from tests.personas.lorebook.books import book, entry, silly

DAY = date(2026, 1, 2)
BLOCK = "## Background"


def persona(*entries: Any, card: dict[str, Any] | None = None, **fields: Any) -> Persona:
    extensions: dict[str, Any] = {"character_book": book(*entries)} if entries else {}
    if card is not None:
        extensions["personachat"] = {"card": {"spec": "chara_card_v3", "data": card}}
    extensions |= fields.pop("extensions", {})
    return Persona.model_validate(
        {"id": "nell", "name": "Nell", "system_prompt": "You are {{char}}.", "extensions": extensions}
        | fields
    )


def said(*texts: str) -> list[ChatMessage]:
    """What was said in turn; the user spoke last."""
    return [
        ChatMessage("user" if (len(texts) - number) % 2 else "assistant", text)
        for number, text in enumerate(texts)
    ]


def contents(one: Persona, *texts: str, **more: Any) -> list[tuple[str, str]]:
    messages = compile_prompt(one, said(*texts), today=DAY, **more).messages
    return [(message.role, message.content) for message in messages]


def test_lore_stands_before_and_after_the_prompt_with_macros_replaced() -> None:
    one = persona(
        entry("Second, {{user}}.", "x", insertion_order=2),
        entry("First, <USER> and <BOT>.", "x", insertion_order=1),
        entry("Before.", "x", position="before_char"),
    )
    told = system_message(one, said("x"), today=DAY)
    lore = "First, User and Nell.\n\nSecond, User."
    assert told == f"{BLOCK}\nBefore.\n\nYou are Nell.\n\n{BLOCK}\n{lore}"


def test_tags_in_lore_stay() -> None:
    one = persona(entry("<user>Hi</user> <bot>", "x"))
    assert system_message(one, said("x"), today=DAY).endswith("<user>Hi</user> Nell")


def test_lore_at_a_depth_stands_among_the_turns() -> None:
    one = persona(
        silly("Zero.", "x", position=4, depth=0, role=2),
        silly("One.", "x", position=4, depth=1, role=1),
        silly("Deep.", "x", position=4, depth=99, role=0),
        silly("One, too.", "x", position=4, depth=1, role=1),
    )
    assert contents(one, "a", "b", "x")[1:] == [
        ("system", "Deep."),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "One.\nOne, too."),
        ("user", "x"),
        ("assistant", "Zero."),
    ]


def test_lore_counts_from_the_start_where_it_says_so() -> None:
    one = persona(entry("@@reverse_depth 1\nHere.", "x"))
    assert contents(one, "a", "b", "x")[1:] == [
        ("user", "a"),
        ("system", "Here."),
        ("assistant", "b"),
        ("user", "x"),
    ]


def test_lore_stands_around_the_examples() -> None:
    one = persona(
        silly("Top.", "x", position=5),
        silly("Bottom.", "x", position=6),
        examples=[{"user": "Q {{user}}", "assistant": "A"}],
    )
    assert contents(one, "x")[1:] == [
        ("system", "Top."),
        ("user", "Q User"),
        ("assistant", "A"),
        ("system", "Bottom."),
        ("user", "x"),
    ]


def test_a_card_s_directions_are_told() -> None:
    one = persona(
        card={"post_history_instructions": "{{original}} One line, {{user}}.", "nickname": "Nelly"},
        extensions={"depth_prompt": {"prompt": "{{char}} limps.", "depth": "1", "role": "user"}},
    )
    assert contents(one, "a", "b", "c") == [
        ("system", "You are Nelly."),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "Nelly limps."),
        ("user", "c"),
        ("system", "One line, User."),
    ]


@pytest.mark.parametrize(
    "note", [None, 7, {}, {"prompt": ""}, {"prompt": 3}, {"prompt": "x", "depth": [], "role": []}]
)
def test_nonsense_in_directions_does_no_harm(note: Any) -> None:
    one = persona(card={"post_history_instructions": 3, "nickname": []}, extensions={"depth_prompt": note})
    assert contents(one, "a")[0] == ("system", "You are Nell.")
    nonsense: list[Any] = [3, {"card": 3}, {"card": {"data": []}}]
    for own in nonsense:
        assert contents(persona(extensions={"personachat": own}), "a")[1:] == [("user", "a")]


def test_history_is_never_changed() -> None:
    text = "{{user}} {{random:a,b}} <BOT>"
    assert contents(persona(), text)[1:] == [("user", text)]


def test_a_moment_is_told_as_it_is() -> None:
    one = persona(system_prompt="{{time}} on {{weekday}}, {{date}}, after {{idle_duration}}")
    now = datetime(2026, 1, 2, 9, 5, tzinfo=UTC)
    scene = Scene(idle=timedelta(hours=2))
    assert system_message(one, today=now, scene=scene) == "09:05 on Friday, 2026-01-02, after 2 hours"
    assert system_message(one, today=DAY) == "00:00 on Friday, 2026-01-02, after just now"


def test_chance_is_drawn_by_conversation_and_turn() -> None:
    one = persona(system_prompt="{{pick:1,2,3,4,5,6,7,8,9}} {{roll:1000000}}")

    def drawn(conversation: str, *texts: str) -> list[str]:
        return system_message(one, said(*texts), today=DAY, scene=Scene(conversation)).split()

    assert drawn("a", "x") == drawn("a", "other words")
    assert drawn("a", "x")[1] != drawn("a", "x", "y", "z")[1]
    assert drawn("a", "x")[0] == drawn("a", "x", "y", "z")[0]
    assert len({drawn(conversation, "x")[0] for conversation in "abcdefghijkl"}) > 3
    assert drawn("", "x") != drawn("", "y")


def test_greetings_differ_by_their_seed() -> None:
    one = persona(greeting="{{// greet }}Hi {{user}}, {{roll:1000000}}.", alternate_greetings=["{{char}}"])
    first = greeting(one, today=DAY, scene=Scene("a"))
    assert first.startswith("Hi User, ")
    assert greetings(one, today=DAY, scene=Scene("a")) == (first, "Nell")
    assert greeting(one, today=DAY, scene=Scene("b")) != first


def test_a_decorator_knows_the_greeting_that_was_shown() -> None:
    one = persona(
        entry("@@is_greeting 1\nAt night.", constant=True),
        greeting="Day.",
        alternate_greetings=["Night, {{user}}."],
    )
    assert "At night." in system_message(one, said("Night, User.", "x"), today=DAY)
    assert "At night." not in system_message(one, said("Day.", "x"), today=DAY)


def test_for_no_conversation_only_what_is_certain_is_told() -> None:
    one = persona(
        entry("Certain.", constant=True),
        entry("Maybe.", constant=True, extensions={"probability": 99}),
        entry("Keyed.", "x"),
        entry("Later.", constant=True, extensions={"delay": 1}),
    )
    told = persona_part(one, said("x"), today=DAY, scene=Scene(is_template=True)).lore
    assert [each.text for each in told.entries] == ["Certain."]
