"""Votes on a comparison: blind or open, when they count, and what they add up to."""

from __future__ import annotations

import json
import random

import pytest

from personachat.errors import (
    ReplyNotFound,
    VoteRefused,
)
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.self_naming import names_its_model
from personachat.lab.comparisons.service import Comparisons
from personachat.services import Services
from tests.fake_provider import FakeProvider, failure, tokens
from tests.lab.comparisons.comparing import begun
from tests.lab.comparisons.conftest import ended, without_ids


def told_of(comparisons: Comparisons, comparison_id: str) -> str:
    """Every byte that there is to be had of it."""
    files = [comparisons.export(comparison_id, each).content for each in ("markdown", "json", "csv")]
    return b"".join(files).decode().lower() + repr(comparisons.seen(comparison_id)).lower()


WITHHELD = ("ada", "bob", "fake-1", "fake-2", "openai", "gpt")


def test_before_a_blind_vote_nothing_tells_who_is_who_and_after_it_everything_does(
    comparisons: Comparisons,
) -> None:
    comparison_id = begun(comparisons, blind=True)
    told = told_of(comparisons, comparison_id)
    header = "message,column,variant,persona,model,state,vote,counted,text,prompt_tokens"
    told = without_ids(told.replace(header, ""))
    for each in WITHHELD:
        assert each not in told
    document = json.loads(comparisons.export(comparison_id, "json").content)
    assert document["variants"] == []
    assert document["standing"] is None
    for reply in document["messages"][0]["replies"]:
        assert {name for name, value in reply.items() if value is not None} == {"variant", "state", "text"}
    shown = comparisons.vote(comparison_id, 1, "A")
    assert {each.name for each in shown.variants} == {"Ada", "Bob"}
    assert shown.standing
    assert shown.standing.votes == 1
    assert "fake-1" in told_of(comparisons, comparison_id)


def test_a_failure_of_a_blind_column_does_not_say_whose_it_is(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    fake.answer_by_model(
        {"fake-1": failure(404, "The model fake-1 does not exist."), "fake-2": tokens(["Fine."])}
    )
    comparison_id = begun(comparisons, blind=True)
    told = told_of(comparisons, comparison_id)
    assert "fake-1" not in told
    shown = comparisons.seen(comparison_id)
    assert {(each.state, each.text) for each in shown.rounds[0].answers} == {("failed", "")}
    vote = comparisons.vote(comparison_id, 1, "A").rounds[0].vote
    assert vote
    assert (vote.counted, vote.why_not) == (False, "a reply failed or was cut off")


def test_while_one_round_is_blind_the_rounds_before_are_too(comparisons: Comparisons) -> None:
    comparison_id = begun(comparisons, blind=True)
    assert comparisons.vote(comparison_id, 1, "B").variants
    comparisons.send(comparison_id, "And now?")
    ended(comparisons, comparison_id)
    shown = comparisons.seen(comparison_id)
    assert shown.hidden
    assert "fake-" not in told_of(comparisons, comparison_id)
    with pytest.raises(VoteRefused):
        comparisons.continue_with(comparison_id, "A")


def test_the_order_of_blind_columns_is_shuffled_anew_for_each_message(
    comparing_services: Services, comparisons: Comparisons, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Backwards:
        def shuffle(self, items: list[str]) -> None:
            items.reverse()

    monkeypatch.setattr(random, "SystemRandom", Backwards)
    open_order = comparisons.seen(begun(comparisons)).rounds[0].answers
    assert [each.variant and each.variant.persona_id for each in open_order] == ["ada", "bob"]
    blind = begun(comparisons, blind=True)
    shown = comparisons.vote(blind, 1, "A").rounds[0]
    assert [each.variant and each.variant.persona_id for each in shown.answers] == ["bob", "ada"]
    standing = comparisons.seen(blind).standing
    assert standing
    assert standing.places[0].id == "1"  # Bob won: the letter is that of the column


def test_a_vote_after_the_names_were_shown_is_kept_and_not_counted(comparisons: Comparisons) -> None:
    comparison_id = begun(comparisons, blind=True)
    assert comparisons.reveal(comparison_id, 1).variants
    shown = comparisons.vote(comparison_id, 1, "A")
    vote = shown.rounds[0].vote
    assert vote
    assert (vote.verdict, vote.letter, vote.counted) == ("win", "A", False)
    assert vote.why_not == "the names had been shown"
    assert shown.not_counted == 1
    assert shown.standing
    assert shown.standing.votes == 0


def test_a_reply_that_names_its_own_model_is_kept_and_not_counted(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    fake.answer_by_model({"fake-1": tokens(["I am Fake-1."]), "fake-2": tokens(["Fine."])})
    comparison_id = begun(comparisons, blind=True)
    vote = comparisons.vote(comparison_id, 1, "tie").rounds[0].vote
    assert vote
    assert (vote.counted, vote.why_not) == (False, "a reply named its own model")


@pytest.mark.parametrize(
    ("text", "model", "named"),
    [
        ("I'm Claude, made by somebody.", "anthropic/claude-5-haiku", True),
        ("As GPT-6 Luna I can't.", "gpt-6-luna", True),
        ("I am a large Llama model", "llama-4:70b", True),
        ("gpt 6 luna here", "gpt-6-luna", True),
        ("The llama is an animal of the Andes.", "llama-4:70b", False),
        ("I am fine.", "o3", False),
        ("Use o3 for that.", "o3", True),
        ("Photosynthesis", "o3", False),
        ("", "gpt-6", False),
        ("Anything", "", False),
    ],
)
def test_which_replies_name_their_model(text: str, model: str, named: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    assert names_its_model(text, model=model) is named


def test_a_blind_vote_is_final_and_an_open_one_can_be_changed(comparisons: Comparisons) -> None:
    blind = begun(comparisons, blind=True)
    comparisons.vote(blind, 1, "both_bad")
    with pytest.raises(VoteRefused):
        comparisons.vote(blind, 1, "A")
    with pytest.raises(VoteRefused):
        comparisons.retry(blind, "A")
    shown = begun(comparisons)
    comparisons.vote(shown, 1, "A")
    vote = comparisons.vote(shown, 1, "B").rounds[0].vote
    assert vote
    assert (vote.letter, vote.counted) == ("B", True)


@pytest.mark.parametrize("choice", ["C", "", "ab", "nobody", "1"])
def test_a_vote_for_what_is_not_there_is_refused(comparisons: Comparisons, choice: str) -> None:
    comparison_id = begun(comparisons)
    with pytest.raises(ReplyNotFound):
        comparisons.vote(comparison_id, 1, choice)
    with pytest.raises(ReplyNotFound):
        comparisons.vote(comparison_id, 7, "A")


def test_after_twenty_messages_one_sentence_says_whether_anything_is_decided(
    comparisons: Comparisons,
) -> None:
    comparison_id = begun(comparisons)
    for number in range(1, 21):
        if number > 1:
            comparisons.send(comparison_id, f"Question {number}")
            ended(comparisons, comparison_id)
        comparisons.vote(comparison_id, number, "A" if number <= 16 else "B")
    standing = comparisons.seen(comparison_id).standing
    assert standing
    assert standing.sentence == (
        "Decided after 20 votes: Ada is better than Bob (80 %, likely 58 % to 92 % of wins)."
    )


def test_the_overall_standing_is_of_personas_with_their_models_and_of_counted_votes_alone(
    comparing_services: Services, comparisons: Comparisons, fake: FakeProvider
) -> None:
    assert comparisons.overall.standing().standing.sentence == "There are no votes yet."
    comparisons.vote(begun(comparisons, message="About birds"), 1, "A")
    comparisons.vote(begun(comparisons, message="About trams"), 1, "A")
    other = [Setup(persona_id="ada", temperature=0), Setup(persona_id="bob", model="fake-1")]
    comparisons.vote(begun(comparisons, other, message="About birds again"), 1, "B")
    same = [Setup(persona_id="ada", temperature=0), Setup(persona_id="ada", temperature=1)]
    comparisons.vote(begun(comparisons, same), 1, "B")
    shown = begun(comparisons, blind=True)
    comparisons.reveal(shown, 1)
    comparisons.vote(shown, 1, "B")
    overall = comparisons.overall.standing()
    assert overall.standing.votes == 3
    records = {overall.names[each.id]: (each.wins, each.losses) for each in overall.standing.places}
    assert records == {"Ada · fake-1": (2, 1), "Bob · fake-2": (0, 2), "Bob · fake-1": (1, 0)}
    assert comparisons.overall.standing(sought="BIRDS").standing.votes == 2
    assert comparing_services.of("browser:other").comparisons.overall.standing().standing.votes == 0
