"""Thoughts that a model writes into its text, separated from the answer.

`<think>...</think>` (Mistral's: `[THINK]...[/THINK]`) at the beginning is reasoning. So is text before a lone
`</think>`, which models write whose chat template has opened the tag for them. If that text has already gone
out as the answer, all of it is taken back. Tags inside prose or code stay text. It makes no difference where
the network cuts.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from personachat.messages import ReasoningDelta, Rethought, TextDelta

ThinkingEvent: TypeAlias = TextDelta | ReasoningDelta | Rethought

_TAGS = {"<think>": "</think>", "[THINK]": "[/THINK]"}
_CLOSING = tuple(_TAGS.values())
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_BEGINS_AN_ANSWER = re.compile(r"[\w#*>|$\"'(\[`-]")
_MOST_BLANKS = 100
"""How many blanks may wait after words for what follows them."""

_START, _THOUGHTS, _WORDS, _SETTLED = range(4)


class Thoughts:
    """One reply: feed() its content, then end() it once.

    `assumed`: the model is known to begin with thoughts that no tag opens.
    """

    def __init__(self, *, assumed: bool = False) -> None:
        self.closed_alone: bool | None = None
        """Whether thoughts were closed that no tag had opened; None if that isn't clear."""
        self._state = _START
        self._assumed = assumed
        self._closing = _CLOSING
        self._pending = ""
        self._so_far: list[str] = []
        """Of words, what has gone out; of thoughts, all of them, with the tag that opened them."""
        self._thought = False
        self._begun = False

    def passes(self, content: str) -> bool:
        """Whether it is only text and goes out unchanged; then it needn't be fed."""
        is_plain = "<" not in content and "[" not in content and not content.endswith("\n")
        if self._state == _WORDS and not self._pending and is_plain:
            self._so_far.append(content)
            return True
        return self._state == _SETTLED

    @property
    def is_untouched(self) -> bool:
        """Whether only blanks have come."""
        return self._state == _START and not self._pending.strip()

    def feed(self, content: str) -> list[ThinkingEvent]:
        """Return what is known now. Text that may be part of a tag waits for more."""
        text, self._pending = self._pending + content, ""
        events: list[ThinkingEvent] = []
        while text:
            if self._state == _START:
                text = self._read_start(text)
            elif self._state == _THOUGHTS:
                text = self._read_thoughts(text, events)
            else:
                text = self._read_words(text, events, final=False)
        return events

    def end(self, *, cut_off: bool) -> list[ThinkingEvent]:
        """Return what is left; `cut_off` if the model hadn't finished."""
        text, self._pending = self._pending, ""
        events: list[ThinkingEvent] = []
        if self._state == _THOUGHTS:
            self._so_far.append(text)
            unclosed = "".join(self._so_far).strip()
            if cut_off:
                self._think(text, events)
            elif unclosed:  # no tag closed them, so they were the answer
                self.closed_alone = False
                events.append(TextDelta(unclosed))
            return events
        while text and self._state in {_WORDS, _SETTLED}:
            text = self._read_words(text, events, final=True)
        if text and not self._thought:  # blanks, or a possible start of a tag
            events.append(TextDelta(text))
        elif text.strip():
            events.append(TextDelta(text.lstrip()))
        return events

    def _read_start(self, text: str) -> str:
        """At the beginning and right after thoughts; blanks wait for what follows them."""
        words = text.lstrip()
        for opening, closing in _TAGS.items():
            if words.startswith(opening):
                self._begin_thoughts(opening, (closing,))
                return words[len(opening) :]
            if opening.startswith(words):
                self._pending = text
                return ""
        if self._assumed:
            self._begin_thoughts("", _CLOSING)
        elif self._thought:
            self._state = _SETTLED
            return words
        else:
            self._state = _WORDS
        return text

    def _begin_thoughts(self, opening: str, closing: tuple[str, ...]) -> None:
        self._state, self._closing = _THOUGHTS, closing
        self._so_far = [opening]
        self._assumed = False
        self._begun = False

    def _read_thoughts(self, text: str, events: list[ThinkingEvent]) -> str:
        at, tag = _first(text, self._closing)
        if tag:
            if self._so_far[0] == "" and _is_told_of("".join(self._so_far) + text[:at]):
                self._take_for_words(text[: at + len(tag)], events)
                return text[at + len(tag) :]
            self._think(text[:at].rstrip(), events)
            if self._so_far[0] == "":
                self.closed_alone = True
            self._state, self._thought, self._so_far = _START, True, []
            return text[at + len(tag) :]
        complete = text[: len(text) - _partial(text, self._closing)].rstrip()
        self._pending = text[len(complete) :]
        self._so_far.append(complete)
        self._think(complete, events)
        return ""

    def _take_for_words(self, text: str, events: list[ThinkingEvent]) -> None:
        """The assumed thoughts were the answer, up to the end of `text`."""
        words = "".join(self._so_far) + text
        self._state, self._so_far, self.closed_alone = _WORDS, [], False
        self._say(words, events)

    def _think(self, text: str, events: list[ThinkingEvent]) -> None:
        """Return thoughts without the blanks before them."""
        if not self._begun:
            text = text.lstrip()
        if text:
            self._begun = True
            events.append(ReasoningDelta(text))

    def _read_words(self, text: str, events: list[ThinkingEvent], *, final: bool) -> str:
        at, tag = (len(text), "") if self._state == _SETTLED else _first(text, _CLOSING)
        if not tag:
            words = text
            if not final and self._state == _WORDS:
                words = _without_blank_lines(text[: len(text) - _partial(text, _CLOSING)])
            self._say(words, events)
            self._pending = text[len(words) :]
            return ""
        before, after = "".join(self._so_far) + text[:at], text[at + len(tag) :]
        ends_thoughts = _ends_thoughts(before, after, final=final)
        if ends_thoughts is None:
            words = _without_blank_lines(text[:at])
            self._say(words, events)
            self._pending = text[len(words) :]
            return ""
        if not ends_thoughts:
            self._say(text[: at + len(tag)], events)
            return after
        if any(self._so_far):
            events.append(Rethought())
        self._begun = any(self._so_far)
        self._think(text[:at].rstrip(), events)
        self._state, self._thought, self._so_far, self.closed_alone = _START, True, [], True
        return after

    def _say(self, text: str, events: list[ThinkingEvent]) -> None:
        if text:
            self._so_far.append(text)
            events.append(TextDelta(text))


def _first(text: str, tags: tuple[str, ...]) -> tuple[int, str]:
    """Where the first of the tags is, and which one; "" if there is none."""
    places = [(at, tag) for tag in tags if (at := text.find(tag)) >= 0]
    return min(places, default=(len(text), ""))


def _partial(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end of a text may begin a tag."""
    at = max(text.rfind("<", -8), text.rfind("[", -8))
    if at < 0 or not any(tag.startswith(text[at:]) for tag in tags):
        return 0
    return len(text) - at


def _without_blank_lines(text: str) -> str:
    """A text up to the break that ends its last line; unchanged if very many blanks follow that."""
    complete = text.rstrip()
    at = text.find("\n", len(complete))
    return text[:at] if at >= 0 and len(text) - at <= _MOST_BLANKS else text


def _ends_thoughts(before: str, after: str, *, final: bool) -> bool | None:
    """Whether a closing tag between these two ends thoughts, and isn't just mentioned; None: not clear yet.

    It does on a line of its own, or at the end of a paragraph, if no tag and no code was opened before.
    """
    if any(opening in before for opening in _TAGS) or _is_in_code(before):
        return False
    line = before.rpartition("\n")[2]
    has_own_line = not line.strip()
    rest = after.lstrip(" \t\r")
    if not rest:
        return has_own_line if final else None
    if rest[0] != "\n":
        return has_own_line and bool(_BEGINS_AN_ANSWER.match(after))
    if has_own_line:
        return True
    further = rest[1:].lstrip(" \t\r")
    if not further:
        return False if final else None
    return further[0] == "\n"


def _is_told_of(before: str) -> bool:
    """Whether the closing tag after these words is part of a sentence about tags."""
    return any(opening in before.rpartition("\n")[2] for opening in _TAGS) or _is_in_code(before)


def _is_in_code(before: str) -> bool:
    """Whether these words end within code."""
    return before.rpartition("\n")[2].count("`") % 2 == 1 or len(_FENCE.findall(before)) % 2 == 1


def without_thoughts(text: str) -> str:
    """An assistant's text as a model may get it again: without thoughts at the beginning."""
    words = text.lstrip()
    for opening, closing in _TAGS.items():
        if words.startswith(opening) and closing in words:
            return words.partition(closing)[2].lstrip()
    return text
