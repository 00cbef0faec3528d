"""Everything the Insights page, the costs in chat and the forecast ask of the ledger, for one owner.

Sums come from `UsageReader`; what sums cannot say is looked up here, in what the owner may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from personachat.insights import attention, failures, liking
from personachat.insights.attention import Suggested
from personachat.insights.liking import Thumb
from personachat.usage import choices, conversation_calls
from personachat.usage import forecast as forecasts
from personachat.usage.conversation_calls import ConversationCalls
from personachat.usage.forecast import Medians
from personachat.usage.intervals import Thumbs
from personachat.usage.people import People
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import ME, UsageReader

UTC = ZoneInfo("UTC")


class Insights:
    """Cheap to make. Methods raise what `Database` raises, and UsageQuestionInvalid."""

    def __init__(self, usage: UsageReader, people: People, *, owner: str) -> None:
        self.usage = usage
        self._hash_of = people.hash_of
        self._owner = owner

    @property
    def me(self) -> str:
        """The owner as the ledger knows them."""
        return self._hash_of(self._owner)

    def choices(self) -> Mapping[str, Sequence[str]]:
        """What calls can be narrowed down by; all empty where there has never been one."""
        return self.usage.read(UsageQuery(zone=UTC), choices.choices)

    def sentences(self, question: UsageQuery, codes: Iterable[str]) -> Mapping[str, str]:
        """What was said last of each error."""
        return self.usage.read(
            question,
            lambda connection, query: failures.sentences(connection, query, codes, owner=self._owner),
        )

    def thumbs(self, question: UsageQuery) -> Mapping[str, Thumbs]:
        """Those of each persona, by its id."""
        return self.usage.read(
            question,
            lambda connection, query: liking.by_persona(connection, query, hash_of=self._hash_of),
        )

    def thumbs_of(self, question: UsageQuery, persona_id: str) -> Sequence[Thumb]:
        """Each thumb that this persona ever got, whatever the question's days are."""
        ever = replace(question, since=None, until=None, persona=persona_id)
        return self.usage.read(
            ever, lambda connection, query: liking.of_persona(connection, query, hash_of=self._hash_of)
        )

    def suggested(self, question: UsageQuery) -> Sequence[Suggested]:
        """Conversations of this owner that deserve a look."""
        return self.usage.read(
            question,
            lambda connection, query: attention.suggested(
                connection, query, owner=self._owner, hash_of=self._hash_of
            ),
        )

    def calls_of(self, conversation_id: str) -> ConversationCalls:
        """The calls of one conversation."""
        me = self.me
        return self.usage.read(
            UsageQuery(zone=UTC, person=ME),
            lambda connection, _: conversation_calls.calls_of(connection, conversation_id, owner_hash=me),
        )

    def medians(self, *, persona_id: str, provider: str, model: str) -> Medians:
        """What this owner's messages to a persona usually take; of all, for who administers."""
        return self.usage.read(
            UsageQuery(zone=UTC, persona=persona_id, model=model),
            lambda connection, query: forecasts.medians(connection, query, provider=provider),
        )
