"""Why a reply ended before its model was done, as a sentence and a hint.

`personachat.replies.endings` has the names of the ends and what protocols say. Readers of a shared
conversation get a sentence without providers, settings or addresses.
"""

from __future__ import annotations

from dataclasses import dataclass

from personachat.conversations.model import Reply


@dataclass(frozen=True, slots=True)
class Explanation:
    """A sentence, and what can be done."""

    sentence: str
    hint: str

    @property
    def text(self) -> str:
        return f"{self.sentence} {self.hint}"


_OTHERWISE = "Rephrase your message or choose another model."

LENGTH = Explanation(
    "The reply reached its token limit.",
    "Continue it, or raise maxTokens in the persona.",
)
LENGTH_OF_THOUGHT = Explanation(
    "The model used up its token limit on thinking, before it wrote any answer.",
    "Retry with a higher maxTokens in the persona.",
)
LENGTH_WITHOUT_A_WORD = Explanation(
    "The token limit was reached before the model wrote anything.",
    "Retry with a higher maxTokens in the persona.",
)
CONTENT_FILTER = Explanation(
    "The provider's content filter ended the reply; the text so far is kept.",
    _OTHERWISE,
)
CONTENT_FILTER_WITHOUT_A_WORD = Explanation(
    "The provider's content filter removed the whole reply.",
    _OTHERWISE,
)
REFUSAL = Explanation("The model declined to answer.", _OTHERWISE)


def explanation_of(reply: Reply) -> Explanation | None:
    """What was unusual about a reply that didn't fail; None if nothing was."""
    has_words = bool(reply.text.strip())
    if reply.finish_reason == "length":
        without = LENGTH_OF_THOUGHT if reply.reasoning else LENGTH_WITHOUT_A_WORD
        return LENGTH if has_words else without
    if reply.finish_reason == "content_filter":
        return CONTENT_FILTER if has_words else CONTENT_FILTER_WITHOUT_A_WORD
    return REFUSAL if reply.finish_reason == "refusal" else None


_TO_READERS = {
    "failed": "This reply failed before it was complete.",
    "interrupted": "This reply was interrupted.",
    "stopped": "This reply was stopped.",
    "length": "This reply was cut off at its limit.",
    "content_filter": "This reply was cut off by a content filter.",
    "refusal": "The model declined to answer.",
}


def told_to_readers(*, state: str | None, finish_reason: str | None) -> str:
    """The same for people who only read; "" if there is nothing to say."""
    return _TO_READERS.get(state or "") or _TO_READERS.get(finish_reason or "", "")
