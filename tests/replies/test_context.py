"""Fitting a conversation into a window: whole turns, the oldest left out first."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.conversations.model import Reply, Turn
from personachat.messages import ChatMessage, Usage
from personachat.personas.prompt import Inserted
from personachat.personas.token_estimates import estimate_tokens
from personachat.replies.context import (
    MESSAGE_TOKENS,
    SCALE_BOUNDS,
    UNMEASURED_SCALE,
    EarlierSummary,
    PathWords,
    fitted,
    latest_summary,
    measured_scale,
    message_tokens,
    most_tokens,
)

SYSTEM = ChatMessage("system", "You are a test.")
Role = Literal["user", "assistant"]


def turn(role: Role, text: str, *, depth: int = 0, reply: Reply | None = None) -> Turn:
    return Turn(f"id-{depth}", None, role, text, "tester", "Tester", depth=depth, reply=reply)


def path_of(*said: tuple[Role, str]) -> list[Turn]:
    return [turn(role, text, depth=depth) for depth, (role, text) in enumerate(said)]


def talk(exchanges: int, *, words: int = 100) -> list[Turn]:
    """So many questions with an answer each, of so many tokens a message, and a last question."""
    text = "abcd" * (words - MESSAGE_TOKENS)
    said: list[tuple[Role, str]] = [("user", text), ("assistant", text)] * exchanges
    return path_of(*said, ("user", text))


texts = st.text(max_size=120) | st.integers(0, 2000).map(lambda size: "x" * size)
roles: st.SearchStrategy[Role] = st.sampled_from(("user", "assistant"))
paths = st.lists(st.tuples(roles, texts), max_size=20).map(lambda said: path_of(*said, ("user", "last?")))
windows = st.none() | st.integers(1, 3000)


@given(paths, windows, st.integers(0, 500), st.none() | st.floats(*SCALE_BOUNDS))
def test_whatever_the_window_the_persona_and_the_last_question_stay(
    path: list[Turn], window: int | None, reserved: int, scale: float | None
) -> None:
    told = fitted(path, pinned=[SYSTEM], window_tokens=window, reserved_tokens=reserved, scale=scale)

    assert told.messages[0] == SYSTEM
    assert told.pinned == 1
    assert told.messages[-1] == ChatMessage("user", "last?")


@given(paths, windows, st.integers(0, 500))
def test_what_is_told_is_the_end_of_the_path_in_its_order(
    path: list[Turn], window: int | None, reserved: int
) -> None:
    told = fitted(path, pinned=[SYSTEM], window_tokens=window, reserved_tokens=reserved)
    said = [turn for turn in path if turn.text]
    kept = said[len(told.dropped) :]

    assert list(told.dropped) == said[: len(told.dropped)]
    assert told.messages[1:] == tuple(turn.as_message() for turn in kept)
    assert told.depths == tuple(turn.depth for turn in kept)
    assert told.memory_from == (kept[0].depth if told.dropped else None)


@given(paths, st.integers(1, 3000), st.integers(0, 500))
def test_only_whole_turns_go(path: list[Turn], window: int, reserved: int) -> None:
    told = fitted(path, pinned=[SYSTEM], window_tokens=window, reserved_tokens=reserved)

    if told.dropped:
        assert told.messages[1].role == "user"


@given(paths, st.integers(1, 3000), st.integers(0, 500), st.floats(*SCALE_BOUNDS))
def test_the_window_is_never_overrun_but_by_what_always_stays(
    path: list[Turn], window: int, reserved: int, scale: float
) -> None:
    told = fitted(path, pinned=[SYSTEM], window_tokens=window, reserved_tokens=reserved, scale=scale)
    questions = [message for message in told.messages if message.role == "user"]

    assert told.prompt_tokens <= max(window - reserved, 0) or len(questions) == 1


@given(paths, st.integers(1, 3000), st.integers(0, 500), st.floats(*SCALE_BOUNDS))
def test_nothing_is_dropped_that_had_room(path: list[Turn], window: int, reserved: int, scale: float) -> None:
    told = fitted(path, pinned=[SYSTEM], window_tokens=window, reserved_tokens=reserved, scale=scale)
    dropped = list(told.dropped)
    if not dropped:
        return
    starts = [at for at, turn in enumerate(dropped) if turn.role == "user"] or [0]
    more = sum(message_tokens(turn.as_message()) for turn in dropped[starts[-1] :])

    assert told.prompt_tokens + (more + 1) * scale > window - reserved


def test_without_a_known_window_everything_is_told() -> None:
    told = fitted(talk(500), pinned=[SYSTEM], window_tokens=None, reserved_tokens=0)

    assert len(told.messages) == 1002
    assert (told.memory_from, told.dropped) == (None, ())


@given(paths)
def test_the_most_that_a_path_takes_is_what_all_of_it_takes_by_the_highest_scale(path: list[Turn]) -> None:
    inserted = [Inserted(2, ChatMessage("system", "Lore."))]
    all_of_it = fitted(
        path,
        pinned=[SYSTEM],
        inserted=inserted,
        window_tokens=None,
        reserved_tokens=0,
        scale=max(SCALE_BOUNDS),
    )
    assert most_tokens(path, pinned=[SYSTEM], inserted=inserted) == all_of_it.prompt_tokens


def test_a_question_goes_with_the_answer_to_it() -> None:
    told = fitted(talk(2), pinned=[], window_tokens=400, reserved_tokens=0, scale=1)

    assert told.depths == (2, 3, 4)
    assert told.prompt_tokens == 300


def test_room_is_left_for_the_reply() -> None:
    path = talk(2)

    assert fitted(path, pinned=[], window_tokens=500, reserved_tokens=0, scale=1).memory_from is None
    assert fitted(path, pinned=[], window_tokens=500, reserved_tokens=1, scale=1).memory_from == 2


def test_a_greeting_goes_first_and_alone() -> None:
    path = path_of(("assistant", "x" * 400), ("user", "a"), ("assistant", "b"), ("user", "c"))

    told = fitted(path, pinned=[], window_tokens=100, reserved_tokens=0, scale=1)

    assert [message.content for message in told.messages] == ["a", "b", "c"]
    assert told.memory_from == 1


def test_what_has_not_been_measured_is_taken_for_more() -> None:
    told = fitted(talk(0), pinned=[], window_tokens=None, reserved_tokens=0)

    assert told.prompt_tokens == 100 * UNMEASURED_SCALE


def test_turns_without_words_are_left_out_and_keep_their_place() -> None:
    path = path_of(("user", "a"), ("assistant", ""), ("user", "b"))

    told = fitted(path, pinned=[], window_tokens=1, reserved_tokens=0)

    assert told.depths == (2,)
    assert told.memory_from == 2


def test_a_turn_that_is_not_stored_yet_stands_below_the_one_before() -> None:
    path = [turn("user", "a", depth=3), turn("assistant", "", depth=4), turn("user", "new")]

    assert PathWords.of(path).depths == (3, 5)


def test_a_summary_stands_for_the_turns_above_it() -> None:
    told = fitted(
        talk(3),
        pinned=[SYSTEM],
        window_tokens=None,
        reserved_tokens=0,
        summary=EarlierSummary("All fine.", 4),
    )

    assert told.messages[1] == ChatMessage("system", "Summary of the conversation so far:\nAll fine.")
    assert told.pinned == 2
    assert told.depths == (4, 5, 6)
    assert (told.memory_from, told.summary, told.dropped) == (4, "All fine.", ())


def test_what_does_not_fit_below_a_summary_is_dropped_all_the_same() -> None:
    told = fitted(
        talk(3), pinned=[], window_tokens=200, reserved_tokens=0, scale=1, summary=EarlierSummary("Fine.", 2)
    )

    assert [turn.depth for turn in told.dropped] == [2, 3, 4, 5]
    assert (told.memory_from, told.summary) == (6, "Fine.")


def test_an_empty_path_is_the_persona_alone() -> None:
    assert fitted([], pinned=[SYSTEM], window_tokens=9, reserved_tokens=0).messages == (SYSTEM,)


# --- what was counted before ----------------------------------------------------------------------


def answered(prompt_tokens: int | None, **known: object) -> list[Turn]:
    """A question of 300 tokens and its answer, with the count of its prompt."""
    reply = Reply(text="ok", provider="acme", model="m", usage=Usage(prompt_tokens, 1))
    path = talk(0, words=300)
    return [*path, turn("assistant", "", depth=1, reply=replace(reply, **known))]  # type: ignore[arg-type]  # looser than the types on purpose


def scale_of(path: list[Turn], *, model: str = "m", persona_id: str = "tester") -> float | None:
    return measured_scale(path, pinned=[], persona_id=persona_id, provider="acme", model=model)


def test_the_estimate_is_scaled_by_what_was_counted() -> None:
    assert scale_of(answered(360)) == pytest.approx(1.2)


@pytest.mark.parametrize(("tokens", "scale"), [(3, 0.5), (90_000, 2.0)])
def test_a_count_that_cannot_be_of_the_same_words_is_bounded(tokens: int, scale: float) -> None:
    assert scale_of(answered(tokens)) == scale


def test_counts_of_other_models_or_personas_say_nothing() -> None:
    assert scale_of(answered(360), model="other") is None
    assert scale_of(answered(360), persona_id="other") is None
    assert scale_of(answered(None)) is None


def test_a_count_of_next_to_nothing_says_nothing() -> None:
    path = [*talk(0, words=20), *answered(360)[1:]]

    assert scale_of(path) is None


def test_only_what_that_reply_was_told_is_compared() -> None:
    above = talk(1, words=300)
    reply = Reply(text="ok", provider="acme", model="m", usage=Usage(360, 1), memory_from=2)

    assert scale_of([*above, turn("assistant", "", depth=3, reply=reply)]) == pytest.approx(1.2)


def test_one_reply_that_counts_double_changes_nothing() -> None:
    told_tokens = (300, 605, 910)  # what stands above each of the three replies
    counts = (360, 2 * 726, 1092)
    path = [each for count in counts for each in answered(count)]
    path = [replace(each, depth=depth) for depth, each in enumerate(path)]

    assert counts[0] / told_tokens[0] == counts[2] / told_tokens[2]
    assert scale_of(path) == pytest.approx(1.2)


# --- summaries on the path ------------------------------------------------------------------------


def test_the_last_summary_on_the_path_counts() -> None:
    path = [
        turn("assistant", "", depth=1, reply=Reply(text="a", summary="first", memory_from=1)),
        turn("assistant", "", depth=3, reply=Reply(text="b", summary="second", memory_from=2)),
        turn("assistant", "", depth=5, reply=Reply(text="c", memory_from=4)),
    ]

    assert latest_summary(path) == EarlierSummary("second", 2)
    assert latest_summary(path[2:]) is None


def test_a_message_is_estimated_with_what_stands_around_it() -> None:
    assert message_tokens(SYSTEM) == estimate_tokens(SYSTEM.content) + MESSAGE_TOKENS
