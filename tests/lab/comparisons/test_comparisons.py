"""Comparisons: one message to several variants, each with a history of its own, and what is told of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from personachat.errors import (
    ComparisonInvalid,
    ComparisonNotFound,
    ConversationNotFound,
    MessageInvalid,
    PersonaNotFound,
    ReplyInProgress,
    ReplyNotFound,
    RevisionNotFound,
    ShareNotFound,
    TurnNotFound,
)
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.variants import variants_of
from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from personachat.usage.questions import UsageQuery
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.lab.comparisons.comparing import PAIR, begun
from tests.lab.comparisons.conftest import ended


def asked_by(fake: FakeProvider, model: str) -> list[list[tuple[str, str]]]:
    """What each request to this model said, oldest first."""
    return [
        [(each["role"], each["content"]) for each in request.body["messages"]]
        for request in fake.chats
        if request.body["model"] == model
    ]


def test_each_variant_answers_for_itself(comparisons: Comparisons, fake: FakeProvider) -> None:
    shown = comparisons.seen(begun(comparisons))
    (one,) = shown.rounds
    assert [each.variant and each.variant.name for each in one.answers] == ["Ada", "Bob"]
    assert [each.text for each in one.answers] == ["You said: Hello?"] * 2
    assert [each.reply and each.reply.model for each in one.answers] == ["fake-1", "fake-2"]
    assert asked_by(fake, "fake-1") == [[("system", "You are ada."), ("user", "Hello?")]]
    assert asked_by(fake, "fake-2") == [[("system", "You are bob."), ("user", "Hello?")]]


def test_over_three_turns_no_word_of_one_column_gets_into_another(
    comparing_services: Services, comparisons: Comparisons, fake: FakeProvider
) -> None:
    setups = [Setup(persona_id="ada", model=f"fake-{number}") for number in (1, 2, 3, 4)]
    canaries = ["heron", "stork", "crane", "egret"]
    comparison_id = ""
    for turn in (1, 2, 3):
        words = {f"fake-{number}": f"{bird}-{turn}" for number, bird in enumerate(canaries, 1)}
        fake.answer_by_model({model: tokens([word]) for model, word in words.items()})
        if turn == 1:
            comparison_id = begun(comparisons, setups, "turn 1")
        else:
            comparisons.send(comparison_id, f"turn {turn}")
            ended(comparisons, comparison_id)
    shown = comparisons.seen(comparison_id)
    for turn, one in enumerate(shown.rounds, 1):
        assert [each.text for each in one.answers] == [f"{bird}-{turn}" for bird in canaries]
    for number, bird in enumerate(canaries, 1):
        last = asked_by(fake, f"fake-{number}")[-1]
        assert last[1:] == [
            ("user", "turn 1"),
            ("assistant", f"{bird}-1"),
            ("user", "turn 2"),
            ("assistant", f"{bird}-2"),
            ("user", "turn 3"),
        ]


def test_a_variant_is_the_persona_as_it_stood_when_the_comparison_began(
    comparing_services: Services, comparisons: Comparisons, fake: FakeProvider
) -> None:
    comparison_id = begun(comparisons)
    comparing_services.personas.save(persona_text("ada", model="fake-1", systemPrompt="Changed."))
    comparing_services.personas.delete("bob")
    comparisons.send(comparison_id, "Still there?")
    ended(comparisons, comparison_id)
    assert asked_by(fake, "fake-1")[-1][0] == ("system", "You are ada.")
    assert asked_by(fake, "fake-2")[-1][0] == ("system", "You are bob.")


def test_a_draft_stands_against_the_saved_one_and_against_a_revision(
    comparing_services: Services, comparisons: Comparisons, fake: FakeProvider
) -> None:
    comparing_services.personas.save(persona_text("ada", model="fake-1", systemPrompt="Second."))
    number = comparing_services.revisions.of("ada")[-1].number
    draft = persona_text("ada", model="fake-1", systemPrompt="Third.")
    setups = [
        Setup(persona_id="ada"),
        Setup(persona_id="ada", revision=number),
        Setup(persona_id="ada", text=draft),
    ]
    shown = comparisons.seen(begun(comparisons, setups))
    assert [each.name for each in shown.variants] == ["Ada", f"Ada · revision {number}", "Ada · draft"]
    prompts = {each.body["messages"][0]["content"] for each in fake.chats}
    assert prompts == {"Second.", "You are ada.", "Third."}


def test_parameters_and_samples_reach_the_model(comparisons: Comparisons, fake: FakeProvider) -> None:
    setups = [
        Setup(persona_id="ada", temperature=0),
        Setup(persona_id="ada", temperature=1.2, max_tokens=50, samples=2),
    ]
    shown = comparisons.seen(begun(comparisons, setups))
    assert [each.name for each in shown.variants] == [
        "Ada · temperature 0 · max tokens 1000",
        "Ada · temperature 1.2 · max tokens 50 · sample 1",
        "Ada · temperature 1.2 · max tokens 50 · sample 2",
    ]
    assert sorted(each.body["temperature"] for each in fake.chats) == [0, 1.2, 1.2]
    comparisons.vote(shown.id, 1, "B")
    standing = comparisons.seen(shown.id).standing
    assert standing
    assert [(each.id, each.wins) for each in standing.places] == [("1", 1), ("0", 0)]


@pytest.mark.parametrize(
    ("setups", "error"),
    [
        ([Setup(persona_id="ada")], ComparisonInvalid),
        ([Setup(persona_id="ada", samples=9)], ComparisonInvalid),
        ([Setup(persona_id="ada", samples=0), *PAIR], ComparisonInvalid),
        ([Setup(persona_id="ada", samples=4)] * 3, ComparisonInvalid),
        ([Setup(persona_id="ada"), Setup(persona_id="nobody")], PersonaNotFound),
        ([Setup(persona_id="ada"), Setup(persona_id="ada", revision=99)], RevisionNotFound),
        ([Setup(persona_id="ada"), Setup(persona_id="ada", temperature=3)], ComparisonInvalid),
        ([Setup(persona_id="ada"), Setup(persona_id="ada", temperature=float("nan"))], ComparisonInvalid),
        ([Setup(persona_id="ada"), Setup(persona_id="ada", max_tokens=0)], ComparisonInvalid),
        ([Setup(persona_id="ada"), Setup(persona_id="ada", model="x" * 500)], ComparisonInvalid),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_kept(
    comparisons: Comparisons, fake: FakeProvider, setups: list[Setup], error: type[Exception]
) -> None:
    with pytest.raises(error):
        comparisons.begin(setups, "Hello?")
    assert comparisons.newest() == ()
    assert fake.chats == []


def test_variants_that_are_the_same_are_samples_of_one(comparing_services: Services) -> None:
    cold = Setup(persona_id="ada", temperature=0)
    same = [Setup(persona_id="ada"), cold, Setup(persona_id="ada", samples=2)]
    made = variants_of(same, comparing_services.personas, comparing_services.revisions)
    names = ["Ada · temperature 0.7 · sample 1", "Ada · temperature 0", "Ada · temperature 0.7 · sample"]
    assert [(each.name, each.group) for each in made] == [
        (names[0], 0),
        (names[1], 1),
        (f"{names[2]} 2", 0),
        (f"{names[2]} 3", 0),
    ]
    first, second = variants_of([cold, cold], comparing_services.personas, comparing_services.revisions)
    assert (first.name, second.name, second.group) == ("Ada · sample 1", "Ada · sample 2", 0)


def test_variants_that_would_be_called_the_same_have_names_that_differ(comparing_services: Services) -> None:
    drafts = [persona_text("ada", name="Ada", greeting=words) for words in ("Hello.", "Good day.")]
    setups = [Setup(persona_id="ada", text=text) for text in drafts]
    made = variants_of(setups, comparing_services.personas, comparing_services.revisions)
    assert [(each.name, each.group) for each in made] == [("Ada (1)", 0), ("Ada (2)", 1)]


def test_a_provider_that_fails_in_one_column_leaves_the_others_alone_and_is_asked_again(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    fake.answer_by_model({"fake-1": failure(401, "no"), "fake-2": tokens(["Fine."])})
    comparison_id = begun(comparisons)
    first, second = comparisons.seen(comparison_id).rounds[0].answers
    assert (first.state, second.state, second.text) == ("failed", "finished", "Fine.")
    comparisons.retry(comparison_id, "A")
    ended(comparisons, comparison_id)
    first, second = comparisons.seen(comparison_id).rounds[0].answers
    assert (first.text, second.text) == ("You said: Hello?", "Fine.")


def test_one_reply_is_stopped_and_the_others_go_on(comparisons: Comparisons, fake: FakeProvider) -> None:
    gates = [Gate(), Gate()]
    fake.answer_by_model(
        {f"fake-{n}": tokens([f"begun {n}", gate, " done"]) for n, gate in enumerate(gates, 1)}
    )
    comparison_id = comparisons.begin(PAIR, "Hello?")
    for gate in gates:
        gate.wait_reached()
    with pytest.raises(ReplyInProgress):
        comparisons.send(comparison_id, "And?")
    with pytest.raises(ReplyInProgress):
        comparisons.vote(comparison_id, 1, "A")
    comparisons.stop(comparison_id, "A")
    gates[1].open()
    ended(comparisons, comparison_id)
    gates[0].open()
    first, second = comparisons.seen(comparison_id).rounds[0].answers
    assert first.state == "stopped"
    assert (second.state, second.text) == ("finished", "begun 2 done")


def test_another_process_sees_the_replies_and_stops_them(
    make_services: Callable[..., Services], comparisons: Comparisons, fake: FakeProvider
) -> None:
    other = local(make_services()).comparisons
    gate = Gate()
    fake.answer_by_model({"fake-1": tokens(["Once", gate]), "fake-2": tokens(["Twice"])})
    comparison_id = comparisons.begin(PAIR, "Hello?")
    gate.wait_reached()
    assert comparisons.seen(comparison_id).rounds[0].live
    other.stop(comparison_id)
    ended(comparisons, comparison_id)
    gate.open()
    assert comparisons.seen(comparison_id).rounds[0].answers[0].state == "stopped"


def test_replies_that_their_process_left_are_interrupted_with_their_text(
    make_services: Callable[..., Services], comparing_services: Services, fake: FakeProvider
) -> None:
    comparisons = local(comparing_services).comparisons
    gate = Gate()
    fake.answer_by_model({"fake-1": tokens(["Once", gate]), "fake-2": tokens(["Twice"])})
    comparison_id = comparisons.begin(PAIR, "Hello?")
    gate.wait_reached()
    comparing_services.close()
    gate.open()
    later = local(make_services()).comparisons
    first, second = later.seen(comparison_id).rounds[0].answers
    assert first.state == "interrupted"
    assert second.state in {"finished", "interrupted"}
    later.retry(comparison_id, "A")
    ended(later, comparison_id)
    assert later.seen(comparison_id).rounds[0].answers[0].text == "You said: Hello?"


def test_its_conversations_are_in_no_list_search_or_export_and_no_id_leads_to_them(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    comparison_id = begun(comparisons, message="A needle in hay")
    workspace = local(comparing_services)
    assert workspace.library.list().conversations == ()
    assert workspace.library.search("needle").hits == ()
    for _, live_reply in comparisons.live(comparison_id):
        with pytest.raises(ReplyNotFound):
            workspace.chat.live_reply(live_reply.id)
        with pytest.raises(TurnNotFound):
            workspace.chat.turn(live_reply.id)
        with pytest.raises(ConversationNotFound):
            workspace.chat.conversation(live_reply.conversation_id)


def test_the_ledger_has_its_calls_as_their_persons_and_does_not_say_which_reply(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    comparisons.vote(begun(comparisons, blind=True), 1, "A")
    usage = local(comparing_services).usage
    rows = usage.calls(UsageQuery(zone=ZoneInfo("UTC")), limit=10).calls
    assert [row["purpose"] for row in rows] == ["comparison", "comparison"]
    assert {row["persona_id"] for row in rows} == {"ada", "bob"}
    assert {row["conversation_id"] or None for row in rows} == {None}
    assert {row["turn_id"] or None for row in rows} == {None}


def test_nobody_elses_comparison_is_there(comparing_services: Services, comparisons: Comparisons) -> None:
    comparison_id = begun(comparisons)
    other = comparing_services.of("browser:somebody-else").comparisons
    assert other.newest() == ()
    calls: list[Callable[[], object]] = [
        lambda: other.seen(comparison_id),
        lambda: other.live(comparison_id),
        lambda: other.send(comparison_id, "Hi"),
        lambda: other.stop(comparison_id),
        lambda: other.retry(comparison_id, "A"),
        lambda: other.vote(comparison_id, 1, "A"),
        lambda: other.reveal(comparison_id, 1),
        lambda: other.rename(comparison_id, "Mine"),
        lambda: other.delete(comparison_id),
        lambda: other.restore(comparison_id),
        lambda: other.export(comparison_id, "json"),
        lambda: other.continue_with(comparison_id, "A"),
        lambda: other.share(comparison_id),
        lambda: other.unshare(comparison_id),
        lambda: other.send_next(comparison_id),
    ]
    for call in calls:
        with pytest.raises(ComparisonNotFound):
            call()


def test_comparisons_are_listed_found_renamed_deleted_and_brought_back(comparisons: Comparisons) -> None:
    first = begun(comparisons, message="How do trams brake?")
    second = begun(comparisons, message="100% of ferries")
    assert [each.id for each in comparisons.newest()] == [second, first]
    assert [each.title for each in comparisons.newest(sought="TRAMS")] == ["How do trams brake?"]
    assert [each.id for each in comparisons.newest(sought="0%")] == [second]
    assert comparisons.newest(sought="_") == ()
    comparisons.rename(first, "  Trams \n and brakes ")
    assert comparisons.seen(first).title == "Trams and brakes"
    comparisons.delete(first)
    assert [each.id for each in comparisons.newest()] == [second]
    with pytest.raises(ComparisonNotFound):
        comparisons.seen(first)
    comparisons.restore(first)
    assert comparisons.seen(first).rounds[0].answers[0].text == "You said: How do trams brake?"


def test_a_column_becomes_a_conversation_of_its_own(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    comparison_id = begun(comparisons)
    chat = local(comparing_services).chat
    conversation = chat.conversation(comparisons.continue_with(comparison_id, "B").conversation_id)
    assert conversation.owner == LOCAL_OWNER
    assert [turn.text for turn in conversation.path] == ["Hello?", "You said: Hello?"]
    assert conversation.path[-1].persona_id == "bob"
    assert conversation.title == "Hello?"
    assert len(local(comparing_services).library.list().conversations) == 1


def test_a_table_has_a_row_for_each_reply_and_no_formula(comparisons: Comparisons) -> None:
    comparison_id = begun(comparisons, message="=1+1")
    text = comparisons.export(comparison_id, "csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["column"] for row in rows] == ["A", "B"]
    assert rows[0]["message"] == "'=1+1"
    assert rows[0]["text"] == "You said: =1+1"


def test_a_list_of_messages_is_kept_and_sent_one_by_one(
    make_services: Callable[..., Services], comparing_services: Services, comparisons: Comparisons
) -> None:
    comparison_id = comparisons.begin(PAIR, "One", waiting=["Two", "Three"])
    ended(comparisons, comparison_id)
    comparisons.send_next(comparison_id)
    ended(comparisons, comparison_id)
    comparisons.send(comparison_id, "In between")
    ended(comparisons, comparison_id)
    comparing_services.checkpoints.settle()  # the other process knows of an end once it is written
    later = local(make_services()).comparisons
    assert later.seen(comparison_id).waiting == ("Three",)
    later.send_next(comparison_id)
    ended(later, comparison_id)
    shown = later.seen(comparison_id)
    assert [each.message for each in shown.rounds] == ["One", "Two", "In between", "Three"]
    with pytest.raises(MessageInvalid):
        later.send_next(comparison_id)
    with pytest.raises(ComparisonInvalid):
        comparisons.begin(PAIR, "One", waiting=["x"] * 200)


def test_a_link_shows_the_comparison_to_whoever_has_it_until_it_is_revoked(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    comparison_id = begun(comparisons, blind=True)
    token = comparisons.share(comparison_id)
    assert comparisons.share(comparison_id) == token
    assert comparing_services.shared_comparison(token).variants == ()  # blind for readers as well
    comparisons.vote(comparison_id, 1, "A")
    assert comparing_services.shared_comparison(token).rounds[0].answers[0].text == "You said: Hello?"
    comparisons.delete(comparison_id)
    with pytest.raises(ShareNotFound):
        comparing_services.shared_comparison(token)
    comparisons.restore(comparison_id)
    comparisons.unshare(comparison_id)
    for wrong in (token, "", "x" * 43, "%", token[:-1]):
        with pytest.raises(ShareNotFound):
            comparing_services.shared_comparison(wrong)
    assert comparisons.share(comparison_id) != token
