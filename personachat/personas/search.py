"""Searching personas by words: what every list of them means by a search.

A persona is found if every word of the query is somewhere in its name, description, tags, id or prompt,
whatever the case. Those that need their prompt for that come after those that don't.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from personachat.personas.persona import Persona

T = TypeVar("T")


class SearchText(NamedTuple):
    """What is searched of one thing, in lower case; make it with `of` or `about`."""

    head: str
    prompt: str = ""

    @classmethod
    def of(cls, persona: Persona) -> SearchText:
        head = " ".join((persona.name, persona.description, *persona.tags, persona.id))
        return cls(head.casefold(), persona.system_prompt.casefold())

    @classmethod
    def about(cls, *texts: str) -> SearchText:
        """Of what is no persona, but is searched in the same way."""
        return cls(" ".join(texts).casefold())

    def has(self, words: Sequence[str]) -> bool:
        return all(word in self.head or word in self.prompt for word in words)


def words_of(query: str) -> list[str]:
    """The words that are searched for; none finds everything."""
    return query.casefold().split()


def matching(things: Iterable[T], query: str, *, text: Callable[[T], SearchText]) -> list[T]:
    """Those in which the words are, in their order; those with a word in the prompt alone come last."""
    words = words_of(query)
    if not words:
        return list(things)
    texts = ((thing, text(thing)) for thing in things)
    hits = [(thing, searched) for thing, searched in texts if searched.has(words)]
    hits.sort(key=lambda hit: not all(word in hit[1].head for word in words))
    return [thing for thing, _ in hits]
