"""Comparisons over the fake provider."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from personachat.lab.comparisons.service import Comparisons
from personachat.services import Services
from tests.conftest import local, persona_text

WAIT = 60
"""Seconds after which a reply is taken for one that never ends: the first one of a process loads a lot."""

TWO = ("ada", "bob")


@pytest.fixture
def comparing_services(make_services: Callable[..., Services]) -> Services:
    """Two personas, Ada and Bob, with a model each."""
    made = make_services()
    for number, each in enumerate(TWO, 1):
        made.personas.save(persona_text(each, model=f"fake-{number}", systemPrompt=f"You are {each}."))
    return made


@pytest.fixture
def comparisons(comparing_services: Services) -> Comparisons:
    return local(comparing_services).comparisons


def ended(comparisons: Comparisons, comparison_id: str) -> None:
    """Wait until no reply of the last round is live."""
    for _, live_reply in comparisons.live(comparison_id):
        seen = 0
        while live_reply.live:
            new = live_reply.wait(seen, timeout_seconds=WAIT)
            assert new or not live_reply.live, "the reply never ended"
            seen += len(new)


def without_ids(sent: str) -> str:
    """What was sent without its random ids: one in a hundred of them has "ada" in it."""
    return re.sub("[0-9a-f]{32}", "", sent)
