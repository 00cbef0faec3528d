"""The rest of a reply: how to request it, and how to remove what it repeats.

Every character that wasn't there before is kept, in order, and none is made up.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from personachat.messages import ChatMessage, Failed, Finished, ReplyEvent, TextDelta
from personachat.providers.base import ChatRequest

GO_ON = (
    "Your last message was cut off. Go on with it exactly where it stopped: "
    "do not repeat any of it, and say nothing about this request."
)

PHRASE_CHARACTERS = 12
"""A repetition of the text's end counts from this many characters: "ha ha" is shorter and may be meant."""

WORD_LETTERS = 4
"""The same for a word that was cut off and begins again."""

WHOLE_CHARACTERS = 6
"""A reply that begins with all of the text counts as started over from this many characters."""

TELLING_CHARACTERS = 6
"""Letters or digits a repetition needs: indentation and rules of dashes repeat anyway."""

RESTART_CHARACTERS = 40
"""From this many characters on, the same beginning means the same reply, even if it then differs."""

TAIL_CHARACTERS = 2_000
"""At most this much of the text's end may come again, unless all of it does."""

LONGEST_BLANK_CHARACTERS = 200
"""Whitespace held back until it is clear what follows."""

SENTENCE_END = re.compile(r"[.!?]\s+|[\n\u3002\uff01\uff1f]")


def continuing(request: ChatRequest, text: str, *, prefills: bool) -> ChatRequest:
    """The request for the rest of a reply that already has `text`.

    A provider that `prefills` continues a final assistant message; others are asked to continue.
    """
    if not text:
        return request
    more = [ChatMessage("assistant", text)]
    if not prefills:
        more.append(ChatMessage("user", GO_ON))
    return replace(request, messages=(*request.messages, *more), kept_last=request.kept_last + len(more))


async def seamless(
    events: AsyncGenerator[ReplyEvent], text: str, *, prefills: bool = False
) -> AsyncGenerator[ReplyEvent]:
    """The events of the rest of a reply, without what repeats `text`.

    Removed are the text's last words, or all of it, if the rest begins with them. A provider that `prefills`
    knows where it stopped, so only a repetition of the whole text is removed. Text is held back only while it
    matches `text`; everything else passes at once.
    """
    seam: _Seam | None = _Seam(text, only_whole=prefills) if text else None
    async with aclosing(events):
        async for event in events:
            if seam and isinstance(event, TextDelta):
                rest = seam.add(event.content)
                if rest is not None:
                    seam = None
                    if rest:
                        yield TextDelta(rest)
                continue
            if seam and isinstance(event, (Finished, Failed)):
                rest, seam = seam.end(cut_off=event != Finished("stop")), None
                if rest:
                    yield TextDelta(rest)
            yield event
    if seam and (rest := seam.end(cut_off=True)):
        yield TextDelta(rest)


class _Seam:
    """Compares the beginning of the rest with the text until it is clear where new text begins."""

    def __init__(self, text: str, *, only_whole: bool) -> None:
        self._text = text
        self._whole = text.lstrip()
        self._only_whole = only_whole
        self._tail = "" if only_whole else self._whole[-TAIL_CHARACTERS:]
        self._blank = ""
        self._pending = ""
        """What came after the whitespace.

        Held back while the text begins with it or contains it in its tail.
        """
        self._starts_over = True
        self._at = 0

    def add(self, content: str) -> str | None:
        """Add more of the rest. Returns what is new so far; None while that isn't clear."""
        if not self._pending:
            self._blank += content
            content = self._blank.lstrip()
            self._blank = self._blank[: len(self._blank) - len(content)]
            if not content:
                return self._blank if len(self._blank) > LONGEST_BLANK_CHARACTERS else None
        seen = len(self._pending)
        self._pending += content
        self._starts_over = self._starts_over and self._whole.startswith(content, seen)
        if self._at >= 0 and not (seen and self._tail.startswith(content, self._at + seen)):
            self._at = self._tail.find(self._pending, self._at)
        if self._starts_over:
            return self._new() if len(self._pending) == len(self._whole) else None
        inside = self._at >= 0 and self._at + len(self._pending) < len(self._tail)
        return None if inside else self._new()

    def end(self, *, cut_off: bool) -> str:
        """What is new once nothing more comes.

        If the rest was cut off while it only repeated, nothing is new.
        """
        return "" if cut_off and _is_telling(self._pending) else self._blank + self._pending

    def _new(self) -> str:
        """The new part of what came."""
        length = len(self._whole)
        if (
            self._pending.startswith(self._whole)
            and length >= WHOLE_CHARACTERS
            and not _is_rhythmic(self._whole)
        ):
            return self._pending[length:]
        repeated = self._overlap()
        if self._is_repetition(repeated):
            return self._pending[repeated:]
        same = _length_in_common(self._pending, self._whole)
        if RESTART_CHARACTERS <= same < length and not self._only_whole:
            return self._pending[_sentence_begins(self._pending[:same]) :]
        return self._blank + self._pending

    def _overlap(self) -> int:
        """Length of the longest overlap: characters that end the tail and begin the rest."""
        probe, at = self._pending[:WORD_LETTERS], 0
        while (at := self._tail.find(probe, at)) >= 0:
            if self._pending.startswith(self._tail[at:]):
                return len(self._tail) - at
            at += 1
        return 0

    def _is_repetition(self, length: int) -> bool:
        """Whether an overlap of this length is a repetition and not chance."""
        at = len(self._text) - length
        words = self._text[at:]
        if _is_telling(words):
            return self._text.find(words) == at  # if it also came earlier, it may be a refrain
        runs_on = not self._blank and words[:1].isalpha() and words[-1:].isalpha()
        starts_a_word = not self._text[:at][-1:].isalnum()
        return length >= WORD_LETTERS and runs_on and starts_a_word and not _is_rhythmic(words)


def _is_telling(words: str) -> bool:
    """Whether this text, said twice in a row, counts as a repetition."""
    enough = len(words) >= PHRASE_CHARACTERS
    return enough and sum(map(str.isalnum, words)) >= TELLING_CHARACTERS and not _is_rhythmic(words)


def _is_rhythmic(words: str) -> bool:
    """Whether it repeats itself, as "ha ha ha" does. Long texts are not checked."""
    if len(words) > TAIL_CHARACTERS:
        return False
    shift = words.find(words[: (len(words) + 1) // 2], 1)
    while shift > 0:
        if words.startswith(words[shift:]):
            return True
        shift = words.find(words[: (len(words) + 1) // 2], shift + 1)
    return False


def _length_in_common(one: str, other: str) -> int:
    """Length of the common beginning."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _sentence_begins(text: str) -> int:
    """Where the last sentence or line begins that `text` only has the start of."""
    return max((end.end() for end in SENTENCE_END.finditer(text)), default=0)
