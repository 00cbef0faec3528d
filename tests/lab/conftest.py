"""Services whose provider plays a persona, and a suite of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from personachat.lab.runs.runner import LiveRun
from personachat.lab.testing import Tests
from personachat.services import Services
from tests.conftest import local
from tests.lab.scripted import ScriptedProvider

SUITE = """\
persona: tester
repeat: 2
cases:
  - name: greets
    say: Hi
    check:
      - contains: "You said"
  - name: asks
    say: Why
    check:
      - questions: 1
"""


@pytest.fixture
def fake() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as provider:
        yield provider


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(judge_model="fake-2")


@pytest.fixture
def tests(services: Services) -> Tests:
    """The owner's, with the suite saved."""
    found = local(services).tests
    found.suites.save("tester", SUITE)
    return found


def ended(live: LiveRun | None) -> LiveRun:
    """The same, once it is over and recorded."""
    assert live is not None
    with live.changed:
        assert live.changed.wait_for(lambda: live.over, 20)
    return live
