"""How often replies are drawn follows what drawing costs and how many are drawn."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from personachat.ui.chat.pace import (
    LONGEST_SECONDS,
    PATIENCE_SECONDS,
    SHORTEST_SECONDS,
    USUAL_SECONDS,
    Pace,
    frame_seconds,
)

TICK_SECONDS = 1e-6
"""A clock never stands still."""


class Machine:
    """A clock, and a process that spends so much of a core for each frame."""

    def __init__(self, *, frame_costs: float, replies: int) -> None:
        self.now = 100.0
        self.used = 5.0
        self.frame_costs = frame_costs
        self.pace = Pace(clock=lambda: self.now, used=lambda: self.used)
        self.drawn = ExitStack()
        for _ in range(replies):
            self.drawn.enter_context(self.pace.one_more_reply())
        self.replies = replies

    def after(self, seconds: float) -> float:
        """The time between two frames once replies have been drawn for so long."""
        end = self.now + seconds
        while self.now < end:
            self.now += self.pace.until_the_next(last=self.now) + TICK_SECONDS
            for _ in range(self.replies):
                self.pace.note_drawing()
                self.used += self.frame_costs
        at_the_tick = self.now + self.pace.until_the_next(last=self.now) + TICK_SECONDS
        self.now = at_the_tick
        return self.pace.until_the_next(last=self.now) + TICK_SECONDS


def test_one_reply_is_drawn_fluently() -> None:
    assert Machine(frame_costs=0.001, replies=1).after(3) == pytest.approx(SHORTEST_SECONDS, rel=1e-3)


def test_a_frame_of_one_reply_is_due_after_its_last_one_and_waits_for_words() -> None:
    machine = Machine(frame_costs=0.001, replies=1)
    machine.after(3)
    drawn = machine.now
    machine.now += SHORTEST_SECONDS / 3
    assert machine.pace.until_the_next(last=drawn) == pytest.approx(SHORTEST_SECONDS * 2 / 3)
    machine.now += 10
    assert machine.pace.until_the_next(last=drawn) == 0
    assert machine.pace.patience_seconds == PATIENCE_SECONDS


def test_frames_of_twenty_replies_are_due_together_and_wait_for_nothing() -> None:
    machine = Machine(frame_costs=0.001, replies=20)
    machine.after(3)
    due = {machine.pace.until_the_next(last=machine.now - ago) for ago in (0, 0.01, 0.05)}
    assert len(due) == 1
    assert machine.pace.patience_seconds == 0


def test_twenty_replies_are_drawn_no_more_often_than_the_eye_needs() -> None:
    assert Machine(frame_costs=0.001, replies=20).after(3) == pytest.approx(USUAL_SECONDS)


def test_a_slow_machine_draws_one_reply_less_often() -> None:
    assert Machine(frame_costs=0.02, replies=1).after(5) == pytest.approx(USUAL_SECONDS, rel=0.1)


def test_a_crowd_is_drawn_so_rarely_that_there_is_room_for_other_work() -> None:
    pace = Machine(frame_costs=0.001, replies=100).after(5)
    assert pace == pytest.approx(100 * 0.001 / 0.7, rel=0.1)


def test_the_pace_quickens_again_when_the_others_have_ended() -> None:
    machine = Machine(frame_costs=0.001, replies=20)
    machine.after(2)
    machine.drawn.close()
    machine.replies = 1
    with machine.pace.one_more_reply():
        assert machine.after(2) == pytest.approx(SHORTEST_SECONDS, rel=1e-3)


def test_work_done_while_nothing_was_drawn_is_no_cost_of_frames() -> None:
    machine = Machine(frame_costs=0.001, replies=0)
    machine.now += 60
    machine.used += 30
    machine.replies = 1
    with machine.pace.one_more_reply():
        assert machine.after(1) == pytest.approx(SHORTEST_SECONDS, rel=1e-3)


@pytest.mark.parametrize("live", [0, 1, 3, 20, 1_000])
@pytest.mark.parametrize("cost_seconds", [0.0, 0.001, 0.05, 10.0])
def test_a_frame_is_never_shorter_or_longer_than_allowed(live: int, cost_seconds: float) -> None:
    seconds = frame_seconds(live=live, cost_seconds=cost_seconds)
    assert SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS


def test_more_replies_never_quicken_the_pace() -> None:
    paces = [frame_seconds(live=live, cost_seconds=0.001) for live in range(200)]
    assert paces == sorted(paces)
