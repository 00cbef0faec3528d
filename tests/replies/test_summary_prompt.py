from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from personachat.messages import ChatMessage
from personachat.personas.token_estimates import estimate_tokens
from personachat.replies.context import summary_message
from personachat.replies.summaries import summary_prompt

TALK = [ChatMessage("user", "I am Grace."), ChatMessage("assistant", "Hello, Grace.")]


def test_what_is_summed_up_is_told_with_its_speakers() -> None:
    instruction, told = summary_prompt(TALK, earlier="", name="Ada", at_most_tokens=100)

    assert (instruction.role, told.role) == ("system", "user")
    assert told.content == "User: I am Grace.\n\nAda: Hello, Grace."


def test_an_earlier_summary_goes_into_the_next_one() -> None:
    _, told = summary_prompt(TALK, earlier="They met in May.", name="Ada", at_most_tokens=100)

    assert told.content.startswith("Summary of what came before:\nThey met in May.\n")
    assert told.content.endswith("Ada: Hello, Grace.")


@given(st.text(), st.integers(0, 50))
def test_of_a_long_talk_the_end_is_summed_up(text: str, most: int) -> None:
    _, told = summary_prompt([ChatMessage("user", text)], earlier="", name="Ada", at_most_tokens=most)

    assert estimate_tokens(told.content) <= max(most, 1)
    assert f"User: {text}".encode("utf-8", "replace").decode().endswith(told.content)


def test_a_summary_is_told_as_a_system_message() -> None:
    assert summary_message("Be kind.") == ChatMessage(
        "system", "Summary of the conversation so far:\nBe kind."
    )
