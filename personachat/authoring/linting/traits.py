"""Traits that say nothing, and prompts that demand the opposite of a trait.

Only plain contradictions are found: a direct order in the prompt against a plain word of the trait. A
condition, or an order with both sides, is no contradiction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from personachat.authoring.linting.findings import Remark, Subject
from personachat.authoring.linting.fixes import left_out

TRAITS = ("tone", "style", "formality")

_OPPOSITES = (
    ("formal official ceremonious", "informal casual colloquial slangy chatty"),
    ("serious solemn earnest", "playful humorous funny witty silly jokey joking goofy"),
    (
        "warm friendly kind gentle kindly encouraging supportive",
        "cold harsh rude hostile brutal unfriendly cruel",
    ),
    ("polite courteous respectful", "rude impolite insulting disrespectful"),
    ("brief short concise terse succinct laconic", "long verbose lengthy exhaustive wordy long-winded"),
    ("calm quiet reserved subdued", "excited enthusiastic hyper bubbly exuberant"),
    ("optimistic cheerful upbeat", "pessimistic gloomy bleak"),
    ("simple plain", "complicated convoluted"),
    ("confident assertive", "hesitant timid insecure"),
    ("sarcastic ironic snarky", "sincere"),
)
_THINGS = (
    "lists list bullets bullet-points",
    "tables table",
    "emojis emoji emoticons",
    "humour humor jokes puns",
    "slang",
    "jargon",
    "metaphors metaphor analogies",
    "headings headlines",
    "questions",
    "rhymes rhyme",
)
_NOT = r"never|do not|don['\u2019]t|must not|mustn['\u2019]t|should not|shouldn['\u2019]t|avoid"
_BE = (
    r"be|being|sound|sounding|get|getting|become|becoming|use|using|write|writing|speak|speaking|make|making"
    r"|give|giving|tell|telling|act|acting"
)
_LINKS = r"(?:(?:in|an?|any|the|with|as|very|really|at all|much|many|bullet)\s+){0,3}"
_NEGATED = rf"\b(?:{_NOT})\s+(?:ever\s+)?(?:(?:{_BE})\s+)?{_LINKS}"
_ORDERED = (
    r"\b(?:always|be|stay|remain|sound|keep (?:it|things|your tone|the tone|your answers|answers|replies))\s+"
    r"(?:(?:always|very|strictly|highly|extremely|deliberately|as|and|an?)\s+){0,3}"
)
_CONDITION = re.compile(r"\b(?:if|when|whenever|unless|except|until|only|otherwise|but not)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n;]+")
_LOOKED_BACK = 60
"""Characters before a word that are searched for a negation."""

_TURNED = re.compile(
    r"\b(?:not|never|no|non|without|avoid|less|nor|neither|hardly|rarely|isn['\u2019]t|rather than"
    r"|instead of)(?:\W+\w+){0,2}?\W+$",
    re.IGNORECASE,
)


def remarks(subject: Subject) -> Iterator[Remark]:
    yield from _empty(subject)
    manner = subject.persona.personality
    for trait in TRAITS:
        value_of_trait = str(getattr(manner, trait))
        quote = _against(subject.persona.system_prompt, value_of_trait)
        if quote:
            order, word = quote
            message = f'The prompt says "{order}" and "{trait}" says "{word}": change one of the two.'
            yield Remark("trait-contradicted", "warning", message, ("personality", trait))


def _empty(subject: Subject) -> Iterator[Remark]:
    manner = subject.persona.personality
    empty = [trait for trait in TRAITS if not str(getattr(manner, trait)).strip()]
    if len(empty) == len(TRAITS):
        if subject.wrote("personality"):
            message = (
                "No trait is set: describe in a few words how it sounds, how it writes or how formal it is."
            )
            yield Remark("traits-empty", "info", message, ("personality",), fix=left_out(("personality",)))
        return
    written = [trait for trait in empty if subject.wrote("personality", trait)]
    if written:
        names = " and ".join(f'"{trait}"' for trait in written)
        verb = "is empty and adds" if len(written) == 1 else "are empty and add"
        path = ("personality", written[0])
        message = f"{names} {verb} nothing: write a few words."
        yield Remark("traits-empty", "info", message, path, fix=left_out(path))


def _against(prompt: str, trait: str) -> tuple[str, str] | None:
    """The prompt's order against this trait, and the trait's word; None if there is none."""
    words = {match[0].lower(): match.start() for match in re.finditer(r"[\w-]+", trait)}
    plain = {word for word, start in words.items() if not _TURNED.search(trait[:start][-_LOOKED_BACK:])}
    sentences = [match[0] for match in _SENTENCE.finditer(prompt) if not _CONDITION.search(match[0])]
    for sides in _OPPOSITES:
        first, second = (frozenset(side.split()) for side in sides)
        if plain & first and plain & second:
            continue
        for mine, others in ((first, second), (second, first)):
            for word in sorted(plain & mine, key=words.__getitem__):
                order = _order(sentences, _NEGATED, mine) or _order(sentences, _ORDERED, others)
                if order:
                    return order, word
    for thing in _THINGS:
        names = frozenset(thing.split())
        for word in sorted(plain & names, key=words.__getitem__):
            order = _order(sentences, _NEGATED, names)
            if order:
                return order, word
    return None


def _order(sentences: list[str], start: str, words: frozenset[str]) -> str | None:
    any_word = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    pattern = re.compile(rf"{start}(?:{any_word})\b(?!-)", re.IGNORECASE)
    for sentence in sentences:
        match = pattern.search(sentence)
        if match and not _TURNED.search(sentence[: match.start()][-_LOOKED_BACK:]):
            return " ".join(match[0].split())
    return None
