"""The API key in a reply: faulty gateways echo what they were sent, headers included.

A reply goes out as it arrives, so a key may be cut anywhere. Text that begins like a key waits until it is
clear whether it is one. Nothing else waits, and ordinary text costs one search per read.
"""

from __future__ import annotations

from collections.abc import Iterable

from personachat.messages import ReasoningDelta, TextDelta
from personachat.providers.addresses import HIDDEN, spellings

HEAD_CHARACTERS = 8
"""This much of a key may be shown: like `sk-proj-`, it isn't secret yet."""

LEAST_KEY_CHARACTERS = 16
"""A shorter key may be an ordinary word."""


def telling_keys(secret: str | None) -> tuple[str, ...]:
    """The spellings of a key that no reply contains by chance, longest first.

    For servers without keys people enter names, such as `sk-no-key-required`: those aren't masked.
    """
    if secret is None or len(secret) < LEAST_KEY_CHARACTERS or not _is_random(secret):
        return ()
    return tuple(sorted(spellings(secret), key=len, reverse=True))


def _is_random(secret: str) -> bool:
    return any(map(str.isdigit, secret)) or secret not in {secret.lower(), secret.upper()}


class MaskedText:
    """One text: feed() it piece by piece, then end() it once."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._heads = tuple({key[:HEAD_CHARACTERS] for key in keys})
        self._tail = ""
        """The last characters that went out: too few to reveal a key."""
        self._pending = ""
        self._begun_characters = 0
        """How much of a key has come, of which the rest is awaited."""

    def feed(self, piece: str) -> str:
        """What may go out by now, with keys hidden."""
        text, out_to = self._tail + self._pending + piece, len(self._tail)
        at = self._next_head(text, 0)
        if at < 0:
            self._go_on(text)
            return text[out_to:]
        pieces: list[str] = []
        while at >= 0:
            key = next((key for key in self._keys if text.startswith(key, at)), "")
            if key:
                pieces += text[out_to:at], HIDDEN
                out_to = at + len(key)
                at = self._next_head(text, out_to)
            elif self._may_begin(text[at:]):
                break
            else:
                at = self._next_head(text, at + 1)
        end = len(text) if at < 0 else max(at, out_to)
        pieces.append(text[out_to:end])
        self._go_on(text[:end], rest=text[end:], begun=0 if at < 0 else len(text) - at)
        return "".join(pieces)

    def end(self) -> str:
        """What is left. The beginning of a key is hidden as well."""
        rest, begun = self._pending, self._begun_characters
        self._go_on("")
        return HIDDEN if begun > HEAD_CHARACTERS else rest

    @property
    def waits(self) -> bool:
        """Whether some text hasn't gone out yet."""
        return self._begun_characters > 0

    def _next_head(self, text: str, start: int) -> int:
        places = [at for head in self._heads if (at := text.find(head, start)) >= 0]
        return min(places) if places else -1

    def _may_begin(self, text: str) -> bool:
        return any(key.startswith(text) for key in self._keys)

    def _go_on(self, text: str, *, rest: str = "", begun: int = 0) -> None:
        self._tail, self._pending, self._begun_characters = text[1 - HEAD_CHARACTERS :], rest, begun


class KeyMask:
    """A reply's deltas with keys hidden. A change of kind ends a text."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._kind: type[TextDelta | ReasoningDelta] = TextDelta
        self._text = MaskedText(keys)

    def masked(
        self, deltas: Iterable[TextDelta | ReasoningDelta], *, final: bool
    ) -> list[TextDelta | ReasoningDelta]:
        """The same; `final` also returns what waits."""
        masked: list[TextDelta | ReasoningDelta] = []
        for delta in deltas:
            if type(delta) is not self._kind:
                self._end(masked)
                self._kind = type(delta)
            pieces = self._text.feed(delta.content)
            if pieces:
                masked.append(self._kind(pieces))
        if final:
            self._end(masked)
        return masked

    def _end(self, masked: list[TextDelta | ReasoningDelta]) -> None:
        rest = self._text.end()
        if rest:
            masked.append(self._kind(rest))
