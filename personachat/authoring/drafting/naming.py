"""A name for a persona from text that isn't a name. Pure."""

from __future__ import annotations

import re

from personachat.personas import limits

MOST_WORDS = 6
NAMELESS = "New persona"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_QUOTES = '"\u201c\u201d\u201e\u00ab\u00bb'
_AROUND = f" \t*_`#'()[]{{}}<>.,;:!?-\u2013\u2014\u2018\u2019{_QUOTES}"
_LABEL = re.compile(r"^(?:the )?(?:persona(?:'s)?|name|title|role)(?: name)?\s*[:=]\s*", re.IGNORECASE)
_CALLED = re.compile(
    rf"\b(?:[Cc]alled|[Nn]amed|name is)\s+(?:[{_QUOTES}'](?P<quoted>[^{_QUOTES}'\n]{{1,60}})[{_QUOTES}']"
    r"|(?P<plain>(?:[A-Z0-9][\w'-]*\s?){1,4}))"
)
_MAKE = "be|act as|make|create|write|build|draft|give|design"
_LEAD_INS = (
    r"(?:hi|hello|hey|please|ok(?:ay)?)\b[\s,!.]*",
    rf"(?:(?:can|could|would|will) you (?:please )?)?(?:{_MAKE})(?: (?:me|us))?\s+",
    r"(?:i|we)(?:'?d| would)? (?:like|want|need|wish for)(?: to have| you to be)?\s+",
    r"(?:i am|i'm|we are|we're) looking for\s+",
    r"(?:you are|you're|pretend to be|it is|it's|he is|she is|it should be)\s+",
    r"(?:an?|the|some|my|our)\s+",
    r"(?:new )?(?:persona|character|assistant|chat ?bot|bot|ai|agent|somebody|someone|person)\s+",
    r"(?:who|that|which|for|to|of|with|is|being)(?: is| can| could| will| would| should)?\s+",
    r"(?:help|assist|teach|explain|answer)(?:s|es|ing)?\s+",
    r"(?:me|us|users|them|people)(?: (?:with|to|in|about))?\s+",
)
_LEAD_IN = re.compile("|".join(f"(?:{each})" for each in _LEAD_INS), re.IGNORECASE)
_ENDS = re.compile(
    r"[.!?;:,\n(]| [-\u2013\u2014] "
    r"|\s(?:who|that|which|whose|where|when|because|so that|in order to|and (?:who|then|also)|but|with)\s",
    re.IGNORECASE,
)
_HANGING = re.compile(
    r"(?:\s+(?:an?|the|of|for|to|in|on|at|by|with|and|or|is|as|my|our|your))+$", re.IGNORECASE
)


def name_from(description: str) -> str:
    """A name for a described person, such as "Patient SQL tutor for finance people"."""
    line = _line(description)
    called = _CALLED.search(line)
    if called:
        return _capital((called["quoted"] or called["plain"]).strip(_AROUND)) or NAMELESS
    while (match := _LEAD_IN.match(line)) and line[match.end() :].strip(_AROUND):
        line = line[match.end() :]
    return _short(line)


def name_of(written: object) -> str:
    """The name that a model wrote; shortened if it is a sentence, "" if it isn't a name."""
    if not isinstance(written, str):
        return ""
    line = _LABEL.sub("", _line(written).strip(_AROUND)).strip(_AROUND)
    words = len(line.split())
    if words < MOST_WORDS - 2 or (words <= MOST_WORDS and not re.search(r"[.!?;:]\s", line)):
        return line[: limits.NAME].strip()
    short = name_from(line)
    return "" if short == NAMELESS else short


def _short(line: str) -> str:
    line = line.lstrip(_AROUND)
    end = _ENDS.search(line)
    words = " ".join((line[: end.start()] if end else line).split()[:MOST_WORDS])
    return _capital(_HANGING.sub("", words)[: limits.NAME].strip(_AROUND)) or NAMELESS


def _line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text[:2_000]).replace("\u2019", "'").split())


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
