"""Placeholders that nothing fills: misspelt ones of ours, and gaps that someone left for later.

Code and Markdown links are ignored, and so are tags that are closed again: those are meant that way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from personachat.authoring.linting.findings import Passage, Remark, Subject
from personachat.authoring.linting.fixes import Fix, written
from personachat.jsontext.faults import excerpt
from personachat.personas import macros
from personachat.personas import variables as persona_variables
from personachat.personas.lorebook import BOOK, teller_of
from personachat.personas.variables import Variable
from personachat.variables import is_name

FILLED = ("user", "char", "date")

MOST_NAMED = 5

_ALIASES = {
    "bot": "char",
    "character": "char",
    "persona": "char",
    "assistant": "char",
    "me": "char",
    "name": "user",
    "username": "user",
    "human": "user",
    "you": "user",
    "person": "user",
    "customer": "user",
    "today": "date",
    "day": "date",
    "now": "date",
}

_GAPS = (
    "name|company|organi[sz]ation|product|brand|city|town|country|topic|subject|e-?mail|phone|address|url|website"
    "|link|role|job|title|team|department|industry|audience|language|date|insert|placeholder|your|customer|client"
    "|project|tbd|todo"
)

_HTML = ("title", "link", "address")
"""HTML elements whose names could be a gap's."""

_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]+`", re.DOTALL)
_LINK = re.compile(r"!?\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\]|:)")
_DOUBLE = re.compile(r"\{\{([^{}\n]{0,60})\}\}")
_SINGLE = re.compile(r"(?<![\w\\{}$^])\{[ \t]*([A-Za-z][A-Za-z _-]{0,39})[ \t]*\}(?!\})")
_LOPSIDED = re.compile(
    r"(?<!\{)\{[ \t]*(user|char|date)[ \t]*\}\}|\{\{[ \t]*(user|char|date)[ \t]*\}(?!\})", re.IGNORECASE
)
_SQUARE = re.compile(r"\[[ \t]*([A-Za-z][A-Za-z '_/-]{1,39})[ \t]*\]")
_ANGLE = re.compile(r"<[ \t]*([A-Za-z][A-Za-z '_-]{1,39})[ \t]*>")
_TAG_OF_OURS = re.compile(r"<(user|bot|char)>", re.IGNORECASE)
_GAP = re.compile(rf"(?:^|[ _'/-])(?:{_GAPS})(?:$|[ _'/-])", re.IGNORECASE)
_LATER = re.compile(r"^[ \t>*#-]*(TODO|FIXME|TBD|XXX)\b(?![ \t-]*(?:list|item|comment|app))", re.MULTILINE)
_LOREM = re.compile(r"\blorem ipsum\b", re.IGNORECASE)


def remarks(subject: Subject) -> Iterator[Remark]:
    variables = persona_variables.declared(subject.persona)
    names = frozenset(variable.name.lower() for variable in variables)
    for passage in subject.passages:
        text = _blanked(passage.text, _CODE)
        yield from _misspelt(passage, _without_declared(text, names))
        if passage.path[0] != "examples":  # an example may well show a letter without a name
            yield from _gaps(passage, text)
    yield from _unknown_in_lore(subject, declared=names)
    yield from _without_default(subject, variables)


def _without_default(subject: Subject, variables: Sequence[Variable]) -> Iterator[Remark]:
    prompt = subject.persona.system_prompt.lower()
    for variable in variables:
        placeholder = f"{{{{{variable.name}}}}}"
        if not variable.default and placeholder.lower() in prompt:
            message = f"{variable.name} has no default: without a value, {placeholder} stays as written."
            path = ("extensions", persona_variables.VARIABLES, variable.name)
            yield Remark("variable-without-default", "info", message, path)


def _unknown_in_lore(subject: Subject, *, declared: frozenset[str]) -> Iterator[Remark]:
    teller = teller_of(subject.persona)
    contents = "\n".join(entry.content for entry in teller.book.entries) if teller else ""
    if names := [name for name in macros.unknown(contents) if name.lower() not in declared]:
        name_list = ", ".join(f"{{{{{excerpt(name, most=30)}}}}}" for name in names[:MOST_NAMED])
        more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
        message = f"These placeholders in its lore stay as written: {name_list}{more}."
        yield Remark("placeholder-unfilled", "warning", message, ("extensions", BOOK))


def _without_declared(text: str, names: frozenset[str]) -> str:
    """The text with blanks in place of placeholders that are variables."""
    return _DOUBLE.sub(
        lambda match: " " * len(match[0]) if match[1].strip().lower() in names else match[0], text
    )


def _misspelt(passage: Passage, text: str) -> Iterator[Remark]:
    for match in _DOUBLE.finditer(text):
        name = match[1].strip()
        if name.lower() == "persona":
            message = (
                f"{match[0]} is a description that users give of themselves, which doesn't exist "
                "here: did you mean {{char}}?"
            )
            yield Remark(
                "placeholder-misspelt",
                "warning",
                message,
                passage.path,
                match.start(),
                _write(passage, match, "char"),
            )
            continue
        if macros.is_known(name):
            continue
        near = _nearest(name)
        if near:
            message = f"{match[0]} stays as written: did you mean {{{{{near}}}}}?"
            fix = _write(passage, match, near)
            yield Remark("placeholder-misspelt", "warning", message, passage.path, match.start(), fix)
        elif passage.path[0] != "examples":
            message = f"{match[0]} stays as written: it is not a known placeholder."
            declaring = _declare(name)
            yield Remark("placeholder-unfilled", "warning", message, passage.path, match.start(), declaring)
    for match in _LOPSIDED.finditer(text):
        name = (match[1] or match[2]).lower()
        message = f"{match[0]} is missing a brace and stays as written: write {{{{{name}}}}}."
        fix = _write(passage, match, name)
        yield Remark("placeholder-misspelt", "warning", message, passage.path, match.start(), fix)
    for pattern in (_SINGLE, _TAG_OF_OURS):
        for match in pattern.finditer(text):
            near = {"bot": "char"}.get(match[1].lower(), match[1].lower())
            if near in FILLED and not (pattern is _TAG_OF_OURS and f"</{match[1]}>" in text):
                message = f"{match[0]} stays as written: write {{{{{near}}}}}."
                fix = _write(passage, match, near)
                yield Remark("placeholder-misspelt", "warning", message, passage.path, match.start(), fix)


def _declare(name: str) -> Fix | None:
    """Make it a variable, whose default is still to be written."""
    if not is_name(name):
        return None
    return Fix("Make it a variable", ("extensions", persona_variables.VARIABLES, name), "")


def _write(passage: Passage, match: re.Match[str], name: str) -> Fix:
    return written(match[0], f"{{{{{name}}}}}", path=passage.path, at=match.start())


def _nearest(name: str) -> str | None:
    plain = re.sub(r"[^a-z]", "", name.lower())
    if plain in FILLED:
        return plain
    if plain in _ALIASES:
        return _ALIASES[plain]
    near = get_close_matches(plain, (*FILLED, *_ALIASES), n=1, cutoff=0.7)
    return _ALIASES.get(near[0], near[0]) if near else None


def _gaps(passage: Passage, text: str) -> Iterator[Remark]:
    plain = _blanked(text, _LINK)
    for match in (*_SINGLE.finditer(plain), *_SQUARE.finditer(plain), *_ANGLE.finditer(plain)):
        word = match[1].strip()
        if word.lower() in FILLED and match[0][0] == "{":
            continue
        if match[0][0] == "<" and word.lower() in _HTML:
            continue
        if _GAP.search(word) and f"</{word}>" not in plain:
            message = f"Nothing fills in {match[0]}: replace it with your own text."
            yield Remark("placeholder-unfilled", "warning", message, passage.path, match.start())
    for match in _LATER.finditer(plain):
        message = f"{match[1]} is unfinished: the model would read it as it is."
        yield Remark("placeholder-unfilled", "warning", message, passage.path, match.start(1))
    for match in _LOREM.finditer(plain):
        message = "This is filler text: replace it with your own."
        yield Remark("placeholder-unfilled", "warning", message, passage.path, match.start())


def _blanked(text: str, pattern: re.Pattern[str]) -> str:
    """The text with blanks in place of matches, so that positions stay the same."""
    return pattern.sub(lambda match: " " * len(match[0]), text)
