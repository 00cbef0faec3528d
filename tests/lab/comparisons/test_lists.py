"""A list of messages is sent by the server: nobody has to watch, and whoever does sees how far it is."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from personachat.errors import ComparisonInvalid, MessageInvalid, ReplyInProgress
from personachat.lab.comparisons import lists
from personachat.lab.comparisons.lists import MessageLists
from personachat.lab.comparisons.rounds import Rounds
from personachat.lab.comparisons.seen import SeenComparison
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.store import SqlComparisons
from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from tests.conftest import local
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.lab.comparisons.conftest import WAIT, ended
from tests.lab.comparisons.test_blind_times import PAIR
from tests.lab.comparisons.test_comparison_limits import CHEAP, DEAR, most
from tests.lab.comparisons.test_comparison_limits import PAIR as PRICED

LIST = ("Two", "Three", "Four")


def begun(comparisons: Comparisons) -> str:
    comparison_id = comparisons.begin(PAIR, "One", waiting=LIST)
    ended(comparisons, comparison_id)
    return comparison_id


def over(comparisons: Comparisons, comparison_id: str) -> SeenComparison:
    """The comparison once its list isn't sent anymore."""
    for _ in range(100_000):
        shown = comparisons.seen(comparison_id)
        if shown.list_state != "sending":
            return shown
        ended(comparisons, comparison_id)
    pytest.fail("the list is sent for ever")


def test_a_list_is_sent_to_its_end_and_another_window_sees_how_far_it_is(
    comparing_services: Services, comparisons: Comparisons, fake: FakeProvider
) -> None:
    comparison_id = begun(comparisons)
    gate = Gate()
    fake.answer_by_model({"fake-1": tokens(["Slow", gate]), "fake-2": tokens(["Quick"])})
    comparisons.send_all(comparison_id)
    gate.wait_reached()
    other = local(comparing_services).comparisons
    shown = other.seen(comparison_id)
    assert (shown.list_state, shown.waiting) == ("sending", LIST[1:])
    other.send_all(comparison_id)  # it is sent already
    fake.answer_by_model({"fake-1": tokens(["Ada"]), "fake-2": tokens(["Bob"])})
    gate.open()
    done = over(other, comparison_id)
    assert (done.list_state, done.list_notice, done.waiting) == (None, "", ())
    assert [one.message for one in done.rounds] == ["One", *LIST]
    with pytest.raises(MessageInvalid):
        comparisons.send_all(comparison_id)


def test_whoever_stops_all_stops_the_list_and_can_continue_it(
    comparing_services: Services, comparisons: Comparisons, fake: FakeProvider
) -> None:
    comparison_id = begun(comparisons)
    gate = Gate()
    fake.answer_by_model({"fake-1": tokens(["Slow", gate]), "fake-2": tokens(["Quick"])})
    comparisons.send_all(comparison_id)
    gate.wait_reached()
    local(comparing_services).comparisons.stop(comparison_id)
    stopped = over(comparisons, comparison_id)
    assert (stopped.list_state, stopped.list_notice, stopped.waiting) == ("stopped", "", LIST[1:])
    gate.open()
    fake.answer_by_model({"fake-1": tokens(["Ada"]), "fake-2": tokens(["Bob"])})
    ended(comparisons, comparison_id)
    comparisons.send_all(comparison_id)
    assert over(comparisons, comparison_id).waiting == ()


def test_a_list_that_is_sent_again_outlives_the_end_of_what_was_stopped(
    comparisons: Comparisons, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison_id = begun(comparisons)
    first, second, may_end = Gate(), Gate(), threading.Event()
    end_list = SqlComparisons.end_list
    waiting: list[threading.Thread] = []

    def late(self: SqlComparisons, *args: Any, **values: Any) -> None:
        if values["state"] is None and not waiting:
            waiting.append(threading.current_thread())
            assert may_end.wait(WAIT)
        end_list(self, *args, **values)

    monkeypatch.setattr(SqlComparisons, "end_list", late)
    fake.answer_by_model({"fake-1": tokens(["Slow", first]), "fake-2": tokens(["Quick"])})
    comparisons.send_all(comparison_id)
    first.wait_reached()
    comparisons.stop(comparison_id)
    first.open()
    ended(comparisons, comparison_id)
    fake.answer_by_model({"fake-1": tokens(["Ada", second]), "fake-2": tokens(["Bob"])})
    comparisons.send_all(comparison_id)
    second.wait_reached()
    may_end.set()
    waiting[0].join(WAIT)
    assert comparisons.seen(comparison_id).list_state == "sending"
    second.open()
    fake.answer_by_model({"fake-1": tokens(["Ada"]), "fake-2": tokens(["Bob"])})
    assert over(comparisons, comparison_id).waiting == ()


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_is_stopped_while_a_message_is_being_sent_is_stopped(
    comparisons: Comparisons, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, when: str, *, deleted: bool
) -> None:
    comparison_id = begun(comparisons)
    sending, may_go_on, over_now, gate = threading.Event(), threading.Event(), threading.Event(), Gate()
    add_round, carry = SqlComparisons.add_round, MessageLists._carry

    def slowly(self: SqlComparisons, *args: Any, **values: Any) -> bool:
        is_added = when == "after" and add_round(self, *args, **values)
        sending.set()
        assert may_go_on.wait(WAIT)
        return is_added or add_round(self, *args, **values)

    def to_its_end(self: MessageLists, *args: Any) -> None:
        carry(self, *args)
        over_now.set()

    monkeypatch.setattr(SqlComparisons, "add_round", slowly)
    monkeypatch.setattr(MessageLists, "_carry", to_its_end)
    fake.answer_by_model({each: tokens(["Slow", gate]) for each in ("fake-1", "fake-2")})
    comparisons.send_all(comparison_id)
    assert sending.wait(WAIT)
    (comparisons.delete if deleted else comparisons.stop)(comparison_id)
    may_go_on.set()
    assert over_now.wait(WAIT)
    if deleted:
        comparisons.restore(comparison_id)
    ended(comparisons, comparison_id)
    gate.open()
    sent = ["One"] if when == "before" else ["One", "Two"]
    assert [one.message for one in comparisons.seen(comparison_id).rounds] == sent


def test_a_list_waits_for_replies_on_another_server_and_does_not_ask_all_the_time(
    comparisons: Comparisons, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison_id = begun(comparisons)
    send, refused, pauses = Rounds.send, [1, 2, 3], []

    def busy(self: Rounds, *args: Any, **kwargs: Any) -> None:
        if refused:
            refused.pop()
            raise ReplyInProgress("Another server is at it.")
        send(self, *args, **kwargs)

    monkeypatch.setattr(Rounds, "send", busy)
    monkeypatch.setattr(lists, "pause", lambda: pauses.append(len(refused)))
    comparisons.send_all(comparison_id)
    assert over(comparisons, comparison_id).waiting == ()
    assert pauses == [2, 1, 0]


def test_a_list_stops_where_a_reply_fails_and_says_so(comparisons: Comparisons, fake: FakeProvider) -> None:
    comparison_id = begun(comparisons)
    fake.answer_by_model({"fake-1": failure(401, "no")})
    comparisons.send_all(comparison_id)
    shown = over(comparisons, comparison_id)
    assert (shown.list_state, shown.waiting) == ("stopped", LIST[1:])
    assert shown.list_notice == "Reply A to message 2 isn't complete."
    comparisons.send_all(comparison_id)  # that column may fail again
    assert over(comparisons, comparison_id).waiting == ()


def test_a_list_stops_at_the_sum(comparisons: Comparisons, fake: FakeProvider) -> None:
    limit = 1.01 * (most(CHEAP) + most(DEAR))
    comparison_id = comparisons.begin(PRICED, "One", waiting=LIST, most_cost_usd=limit)
    ended(comparisons, comparison_id)
    fake.answer_by_model({CHEAP: tokens(["x "] * 900), DEAR: tokens(["x "] * 900)})
    comparisons.send_all(comparison_id)
    shown = over(comparisons, comparison_id)
    assert shown.waiting
    assert shown.list_notice.startswith("This could cost up to $")
    assert comparisons.spent_usd(comparison_id) <= limit


def test_a_list_whose_process_died_was_stopped_and_goes_on_elsewhere(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    comparison_id = begun(comparisons)
    store = SqlComparisons(comparing_services.database)
    assert store.begin_list(LOCAL_OWNER, comparison_id, process_id="alive")
    comparing_services.database.presence.leave("alive")
    store.change(LOCAL_OWNER, comparison_id, list_process_id="nobody")
    shown = comparisons.seen(comparison_id)
    assert (shown.list_state, shown.waiting) == ("stopped", LIST)
    assert "was stopped" in shown.list_notice
    comparisons.send_all(comparison_id)
    assert over(comparisons, comparison_id).waiting == ()


def test_a_blind_comparison_asks_for_a_vote_on_each_message(comparisons: Comparisons) -> None:
    comparison_id = comparisons.begin(PAIR, "One", waiting=LIST, blind=True)
    ended(comparisons, comparison_id)
    with pytest.raises(ComparisonInvalid):
        comparisons.send_all(comparison_id)
