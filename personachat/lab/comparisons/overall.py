"""How personas with their models rank by the votes of many comparisons, and who voted.

Other people's comparisons only show up as sums over personas that the person may use: no messages, no names
of drafts, no search in them. Voters' names are for administrators.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from personachat.accounts.person import Role
from personachat.accounts.persona_rights import PersonaRights
from personachat.errors import ComparisonInvalid, PersonaChatError
from personachat.lab.comparisons.model import Comparison, Variant
from personachat.lab.comparisons.question_sets import QuestionSets
from personachat.lab.comparisons.seen import ballots_of
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.standing import Ballot, Standing, standing
from personachat.messages import storable
from personachat.owners import author_of
from personachat.personas.store.base import PersonaSource

MOST_SOUGHT = 200


@dataclass(frozen=True, slots=True)
class Voter:
    """A person, and their number of votes."""

    name: str
    votes: int


@dataclass(frozen=True, slots=True)
class OverallStanding:
    """The standing of personas with their models over many comparisons, by their names."""

    names: Mapping[str, str]
    standing: Standing
    comparisons: int
    voters: tuple[Voter, ...] = ()
    """Who voted how often, most votes first."""


def overall_of(
    comparisons: Sequence[Comparison],
    *,
    messages: Collection[str] | None = None,
    persona_name: Callable[[str], str | None] | None = None,
    voter_name: Callable[[str], str] = author_of,
) -> OverallStanding:
    """All votes of these comparisons that count; a persona's revisions and parameters are combined.

    Comparisons in which all variants are the same persona with the same model are ignored. With `messages`,
    only votes on one of these count. `persona_name` returns the name of a persona that the reader may know;
    votes on one with the name None are left out. `voter_name` is by owner.
    """
    names: dict[str, str] = {}
    ballots: list[Ballot] = []
    votes: Counter[str] = Counter()
    looked_at = 0
    for comparison in comparisons:
        groups: dict[str, str] = {}
        for each in comparison.variants:
            display_name = persona_name(each.persona_id) if persona_name else _own_name(each)
            if display_name is not None:
                groups[each.id] = f"{each.persona_id} {each.model}"
                names[groups[each.id]] = f"{display_name} · {each.model}"
        rounds = [each for each in comparison.rounds if messages is None or each.message in messages]
        if len(set(groups.values())) > 1 and len(groups) == len(comparison.variants):
            comparison_ballots = ballots_of(rounds, groups)
            ballots += comparison_ballots
            votes[voter_name(comparison.owner)] += len(comparison_ballots)
        looked_at += bool(rounds)
    voted_names = {key: name for key, name in names.items() if any(key in each.shown for each in ballots)}
    voters = tuple(Voter(name, count) for name, count in votes.most_common() if count)
    return OverallStanding(voted_names, standing(ballots, voted_names), looked_at, voters)


def _own_name(variant: Variant) -> str:
    """The persona's name at that time; its id if that can't be read."""
    try:
        return str(json.loads(variant.text)["name"])
    except (ValueError, TypeError, LookupError):
        return variant.persona_id


class OverallVotes:
    """What one owner may know about all votes; cheap to create."""

    def __init__(
        self,
        store: SqlComparisons,
        questions: QuestionSets,
        personas: PersonaSource,
        *,
        owner: str,
        rights: PersonaRights | None,
    ) -> None:
        """Without `rights`, the owner may not know about other people's votes."""
        self._store = store
        self._questions = questions
        self._personas = personas
        self._owner = owner
        self._rights = rights

    @property
    def others_vote(self) -> bool:
        """Whether other people vote here whose votes may be included."""
        return self._rights is not None and self._rights.people_log_in

    def standing(
        self, *, sought: str = "", question_set_id: str | None = None, everyone: bool = False
    ) -> OverallStanding:
        """By all votes of the owner that count; with `everyone`, also by other people's.

        With `sought`, only comparisons whose title or one of whose messages contains it; that only works for
        the owner's own. With a question set, only votes on its messages. Raises QuestionSetNotFound and
        ComparisonInvalid.
        """
        sought = storable(sought).strip()[:MOST_SOUGHT]
        messages = None if question_set_id is None else set(self._questions.get(question_set_id).messages)
        if not (everyone and self.others_vote):
            mine = self._store.voted(self._owner, sought=sought)
            return overall_of(mine, messages=messages, voter_name=self._voter_name)
        if sought:
            raise ComparisonInvalid(
                "You can only search in your own comparisons.",
                hint="Leave out the words, or other people's votes.",
            )
        return overall_of(
            self._store.voted(None),
            messages=messages,
            persona_name=cache(self._usable_name),
            voter_name=self._voter_name,
        )

    def _usable_name(self, persona_id: str) -> str | None:
        """The name of a persona that the owner may use; None for any other."""
        try:
            return self._personas.get(persona_id).persona.name
        except PersonaChatError:
            return None

    def _voter_name(self, owner: str) -> str:
        if owner == self._owner:
            return "You"
        may = self._rights is not None and self._rights.person.role is Role.ADMIN
        return author_of(owner) if may else "Others"
