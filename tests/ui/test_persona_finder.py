"""Which of many personas are offered, and which a search finds."""

from __future__ import annotations

import pytest

from personachat.personas.persona import Persona, parse_persona
from personachat.ui.chat.persona_finder import MOST_CHOICES, choices, matching_ids
from personachat.ui.personas import favourites
from tests.conftest import persona_text

MANY = MOST_CHOICES + 20


@pytest.fixture
def likes(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The favourites of whoever looks; a test adds to them."""
    liked: set[str] = set()
    monkeypatch.setattr(favourites, "mine", lambda: frozenset(liked))
    return liked


def personas(number: int) -> dict[str, Persona]:
    return {f"p-{each}": parse_persona(persona_text(f"p-{each}")) for each in range(number)}


def test_few_personas_are_all_offered_in_their_order(likes: set[str]) -> None:
    few = personas(5)

    assert choices(few, also=("p-4",)) == list(few)


def test_of_many_the_named_the_liked_and_the_first_are_offered_in_their_order(likes: set[str]) -> None:
    likes |= {f"p-{MANY - 2}", "gone"}
    offered = choices(personas(MANY), also=(f"p-{MANY - 1}", "gone-too"))

    first = [f"p-{each}" for each in range(MOST_CHOICES - 2)]
    assert offered == [*first, f"p-{MANY - 2}", f"p-{MANY - 1}"]


def test_so_many_favourites_that_they_are_not_all_offered_leave_room_for_the_chosen_one(
    likes: set[str],
) -> None:
    many = personas(MANY)
    likes |= set(many) - {"p-0"}
    offered = choices(many, also=("p-0",))

    assert len(offered) == MOST_CHOICES
    assert "p-0" in offered


@pytest.mark.parametrize("query", ["ROMAN", "law roman", "forum", "latin", "  jurist "])
def test_a_search_looks_for_every_word_in_name_description_tags_and_id(query: str) -> None:
    there = personas(3)
    text = persona_text("jurist", name="Roman", description="Knows the law", tags=["Forum", "Latin"])
    there["jurist"] = parse_persona(text)

    assert matching_ids(there, query) == ["jurist"]


def test_a_search_for_nothing_finds_all_and_one_for_nonsense_none() -> None:
    there = personas(3)

    assert matching_ids(there, " ") == list(there)
    assert matching_ids(there, "p-1 nonsense") == []
