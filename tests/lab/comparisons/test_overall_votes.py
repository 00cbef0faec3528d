"""Votes of many comparisons: narrowed to saved messages, and with other people's where people log in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.accounts.person import Person, Role
from personachat.accounts.rights import PersonaAccess
from personachat.errors import ComparisonInvalid, QuestionSetNotFound
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.overall import Voter
from personachat.lab.comparisons.service import Comparisons
from personachat.services import Services
from tests.conftest import persona_text
from tests.lab.comparisons.conftest import ended

PAIR = (Setup(persona_id="ada"), Setup(persona_id="bob"))


@pytest.fixture
def as_person(comparing_services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Comparisons]:
    """The comparisons of somebody who logs in, or of an administrator."""
    services = comparing_services
    monkeypatch.setattr(services.authorization, "people_log_in", True)

    def comparisons(name: str, role: Role = Role.EDITOR) -> Comparisons:
        key = f"user:{name}"
        return services.of(key, person=Person(key, role, name)).comparisons

    return comparisons


def vote(
    comparisons: Comparisons, choice: str, *, setups: tuple[Setup, ...] = PAIR, message: str = "How?"
) -> None:
    comparison_id = comparisons.begin(setups, message)
    ended(comparisons, comparison_id)
    comparisons.vote(comparison_id, 1, choice)


def test_a_saved_list_narrows_the_standing_to_its_messages(as_person: Callable[..., Comparisons]) -> None:
    ada = as_person("ada")
    vote(ada, "A", message="How?")
    vote(ada, "B", message="Why?")
    saved = ada.questions.save("Trams", ["How?", "When?"])
    overall = ada.overall.standing(question_set_id=saved.id)
    assert (overall.standing.votes, overall.standing.places[0].id) == (1, "ada fake-1")
    assert overall.voters == (Voter("You", 1),)
    with pytest.raises(QuestionSetNotFound):
        as_person("bob").overall.standing(question_set_id=saved.id)


def test_everyones_votes_are_counted_and_only_administrators_are_told_whose_they_are(
    as_person: Callable[..., Comparisons],
) -> None:
    ada, bob, root = as_person("ada"), as_person("bob"), as_person("root", Role.ADMIN)
    vote(ada, "A")
    vote(bob, "B")
    vote(bob, "B")
    assert ada.overall.standing().standing.votes == 1
    overall = ada.overall.standing(everyone=True)
    assert overall.standing.votes == 3
    assert overall.voters == (Voter("Others", 2), Voter("You", 1))
    assert {each.name for each in root.overall.standing(everyone=True).voters} == {"User ada", "User bob"}
    with pytest.raises(ComparisonInvalid):
        ada.overall.standing(sought="How", everyone=True)


def test_votes_on_personas_that_one_may_not_use_and_names_of_drafts_stay_where_they_are(
    comparing_services: Services, as_person: Callable[..., Comparisons]
) -> None:
    ada, bob = as_person("ada"), as_person("bob")
    draft = persona_text("ada", name="Secret name", model="fake-1")
    vote(bob, "A", setups=(Setup(persona_id="ada", text=draft), Setup(persona_id="bob")))
    overall = ada.overall.standing(everyone=True)
    assert set(overall.names.values()) == {"Ada · fake-1", "Bob · fake-2"}
    comparing_services.accesses.put("bob", PersonaAccess("user:bob", "private"))
    assert ada.overall.standing(everyone=True).standing.votes == 0
    assert bob.overall.standing(everyone=True).standing.votes == 1


def test_where_nobody_logs_in_there_are_no_other_peoples_votes(comparing_services: Services) -> None:
    one, other = (comparing_services.of(f"browser:{each}").comparisons for each in "ab")
    vote(other, "A")
    assert not one.overall.others_vote
    assert one.overall.standing(everyone=True).standing.votes == 0
