from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from personachat.messages import ChatMessage
from personachat.personas.persona import Persona
from personachat.personas.prompt import compile_prompt, greeting, system_message
from personachat.personas.token_estimates import estimate_tokens

TODAY = date(2026, 11, 22)


def persona(**changed: Any) -> Persona:
    return Persona.model_validate({"id": "ada", "name": "Ada", "systemPrompt": "You help.", **changed})


def system(**changed: Any) -> str:
    return system_message(persona(**changed), user_name="Grace", today=TODAY)


def test_a_persona_without_traits_sends_its_system_prompt_alone() -> None:
    prompt = compile_prompt(persona(), [], today=TODAY)

    assert prompt.messages == (ChatMessage("system", "You help."),)
    assert prompt.pinned == 1


def test_the_history_follows_the_examples_as_it_is() -> None:
    examples = [{"user": "Hi {{char}}", "assistant": "Hi {{user}}"}, {"user": "2+2", "assistant": "4"}]
    history = [ChatMessage("user", "What is {{char}}?"), ChatMessage("assistant", "A placeholder.")]

    prompt = compile_prompt(persona(examples=examples), history, user_name="Grace", today=TODAY)

    assert prompt.messages == (
        ChatMessage("system", "You help."),
        ChatMessage("user", "Hi Ada"),
        ChatMessage("assistant", "Hi Grace"),
        ChatMessage("user", "2+2"),
        ChatMessage("assistant", "4"),
        *history,
    )
    assert prompt.pinned == 5


def test_the_traits_that_are_set_make_one_block_in_a_fixed_order() -> None:
    manner = {"formality": "casual", "tone": "warm"}

    assert system(personality=manner) == "You help.\n\n## Manner\n- Tone: warm\n- Formality: casual"


def test_all_three_traits_are_named() -> None:
    manner = {"tone": "warm", "style": "like {{user}}", "formality": "casual"}

    assert system(personality=manner).endswith("- Tone: warm\n- Style: like Grace\n- Formality: casual")


def test_placeholders_are_replaced_in_any_case_and_with_blanks_inside() -> None:
    text = "{{user}} {{ User }} {{CHAR}} {{\tdate }}"

    assert system(systemPrompt=text) == "Grace Grace Ada 2026-11-22"


def test_a_replaced_value_is_never_expanded_again() -> None:
    asked = persona(systemPrompt="{{user}} meets {{char}}", name="{{date}}")

    assert system_message(asked, user_name="{{char}}", today=TODAY) == "{{char}} meets {{date}}"


def test_values_that_look_like_replacement_patterns_stay_plain_text() -> None:
    assert system_message(persona(systemPrompt="{{user}}"), user_name=r"\1\g<0>", today=TODAY) == r"\1\g<0>"


def test_what_only_resembles_a_placeholder_stays() -> None:
    text = "{user} {{users}} {{us er}} {{u\u017fer}} {{{char}}} {{7*7}} ${user} %(user)s {{user"

    assert system(systemPrompt=text) == text.replace("{{{char}}}", "{Ada}")


def test_the_greeting_is_filled_in() -> None:
    asked = persona(greeting="Hello {{user}}, I am {{char}}.")

    assert greeting(asked, user_name="Grace", today=TODAY) == "Hello Grace, I am Ada."
    assert greeting(persona(), today=TODAY) == ""


def test_without_a_name_the_user_is_called_user() -> None:
    assert system_message(persona(systemPrompt="{{user}}"), today=TODAY) == "User"


@given(st.text(min_size=1).filter(lambda text: "{{" not in text and text.strip() and "\0" not in text))
def test_text_without_placeholders_is_sent_unchanged(text: str) -> None:
    asked = persona(systemPrompt=text, greeting=text, examples=[{"user": text, "assistant": text}])
    prompt = compile_prompt(asked, [ChatMessage("user", text)], today=TODAY)

    assert {message.content for message in prompt.messages} == {text}
    assert greeting(asked, today=TODAY) == text


@given(st.lists(st.sampled_from(["{{", "}}", "user", "char", " ", "{", "}", "7*7", "{{user}}"]), min_size=1))
def test_nothing_but_the_three_placeholders_is_ever_touched(parts: list[str]) -> None:
    text = "".join(["x", *parts])
    filled = system_message(persona(systemPrompt=text, name="USER"), user_name="CHAR", today=TODAY)

    assert filled.replace("CHAR", "{{user}}").replace("USER", "{{char}}").replace(" ", "") == text.replace(
        " ", ""
    )


def test_tokens_are_estimated_from_bytes() -> None:
    assert [estimate_tokens(text) for text in ("", "a", "four", "five!", "日本語", "\ud83d")] == [
        0,
        1,
        1,
        2,
        3,
        1,
    ]
