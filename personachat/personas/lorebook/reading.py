"""Reads a lore book in whatever shape it comes: of a card (V2, V3), of SillyTavern, and its relatives.

Nonsense is passed over and never raises. Entries may be a list or an object, numbers and flags may be texts.
Sources: character-card-spec-v2 and -v3; SillyTavern's documentation, "World Info".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from personachat.personas.lorebook import decorators
from personachat.personas.lorebook.book import (
    SCAN_DEPTH,
    Book,
    Logic,
    LoreEntry,
    Place,
    Recursion,
    Role,
    Timing,
)
from personachat.personas.lorebook.keys import Key, key, key_texts

MOST_ENTRIES = 20_000
MOST_KEYS = 1_000
"""Of one entry."""

_LOGICS: tuple[Logic, ...] = ("and_any", "not_all", "not_any", "and_all")
_ROLES: tuple[Role, ...] = ("system", "user", "assistant")
_NOTE_DEPTH = 4
"""Where an author's note stands that lore is put above or below."""

_PLACES: Mapping[int, Place] = {
    0: "before",
    1: "after",
    2: "depth",
    3: "depth",
    4: "depth",
    5: "examples_top",
    6: "examples_bottom",
    7: "nowhere",
}
_SILLY_TAVERN = ("excludeRecursion", "exclude_recursion", "preventRecursion", "prevent_recursion")
"""Keys by which an entry shows that SillyTavern wrote it, whose settings then stand for what is not said."""


def is_book(value: Any) -> bool:
    """Whether a JSON value is a lore book by itself, of any shape."""
    if not isinstance(value, Mapping):
        return False
    if value.get("spec") == "lorebook_v3":
        return isinstance(value.get("data"), Mapping)
    if value.get("type") == "risu":
        return isinstance(value.get("data"), list)
    entries = raw_entries(value)
    if not isinstance(value.get("entries"), list | Mapping):
        return False
    if not entries:
        return not value.keys() - {"entries", "name", "description", "extensions", "originalData"}
    return any(isinstance(each, Mapping) and "content" in each for each in entries[:50]) or bool(
        {"lorebookVersion", "kind"} & value.keys()
    )


def contents(value: Mapping[str, Any]) -> dict[str, Any]:
    """The book itself, where it stands within something that says what it is."""
    data = value.get("data")
    if value.get("spec") == "lorebook_v3" and isinstance(data, Mapping):
        return dict(data)
    if value.get("type") == "risu" and isinstance(data, list):
        return {"entries": data}
    return dict(value)


def read(value: Any) -> Book:
    """The book in a JSON value; one without entries if there is none."""
    if not isinstance(value, Mapping):
        return Book()
    value = contents(value)
    raw = raw_entries(value)
    whole = _Field(value)
    by_silly_tavern = any(_by_silly_tavern(each) for each in raw[:50])
    recursive = whole.flag("recursive_scanning", "recursiveScanning")
    return Book(
        entries=tuple(_entries(raw[:MOST_ENTRIES], whole_words=by_silly_tavern)),
        scan_depth=whole.whole("scan_depth", "scanDepth", default=SCAN_DEPTH),
        token_budget=whole.whole("token_budget", "tokenBudget"),
        recursive=by_silly_tavern if recursive is None else recursive,
        left_out=max(len(raw) - MOST_ENTRIES, 0),
        name=whole.text("name"),
    )


def raw_entries(value: Mapping[str, Any]) -> list[Any]:
    entries = value.get("entries")
    if isinstance(entries, Mapping):
        return list(entries.values())
    return entries if isinstance(entries, list) else []


def _by_silly_tavern(raw: Any) -> bool:
    if not isinstance(raw, Mapping):
        return False
    extensions = raw.get("extensions")
    return any(
        name in raw or (isinstance(extensions, Mapping) and name in extensions) for name in _SILLY_TAVERN
    )


def _entries(raw: Iterable[Any], *, whole_words: bool) -> Iterable[LoreEntry]:
    for number, each in enumerate(raw):
        entry = _entry(each, number, whole_words=whole_words) if isinstance(each, Mapping) else None
        if entry is not None:
            yield entry


class _Field:
    """What a book or an entry says, under any of the names that it has; in its extensions first."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.members = {name: value for name, value in raw.items() if value is not None}
        extensions = self.members.get("extensions")
        if extensions and isinstance(extensions, Mapping):
            self.members |= {name: value for name, value in extensions.items() if value is not None}

    def value(self, *names: str) -> Any:
        values_of_entry = self.members
        for name in names:
            if name in values_of_entry:
                return values_of_entry[name]
        return None

    def text(self, *names: str) -> str:
        value = self.value(*names)
        return value if isinstance(value, str) else ""

    def flag(self, *names: str) -> bool | None:
        """Yes or no; None if it is not said."""
        value = self.value(*names)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return {"true": True, "1": True, "false": False, "0": False, "": False}.get(value.strip().lower())
        return bool(value) if isinstance(value, int | float) else None

    def number(self, *names: str) -> float | None:
        value = self.value(*names)
        if value is None or isinstance(value, bool):
            return None
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None

    def whole(self, *names: str, default: int = 0) -> int:
        """A whole number that is not below 0."""
        number = self.number(*names)
        return default if number is None or number < 0 else min(int(number), 1_000_000_000)


def _entry(raw: Mapping[str, Any], number: int, *, whole_words: bool) -> LoreEntry | None:
    """An entry that can be told; None for one that never is."""
    field = _Field(raw)
    if field.flag("enabled") is False or field.flag("disable", "disabled"):
        return None
    decorated, content = decorators.split_decorators(field.text("content", "entry", "text"))
    content = content.strip()
    always = "activate" in decorated
    if not content or ("dont_activate" in decorated and not always):
        return None
    case_sensitive = field.flag("case_sensitive", "caseSensitive") is True
    whole = field.flag("match_whole_words", "matchWholeWords")

    def keys(value: Any) -> tuple[Key, ...]:
        if not value:
            return ()
        every_key = (
            key(text, case_sensitive=case_sensitive, whole_words=whole_words if whole is None else whole)
            for text in key_texts(value)[:MOST_KEYS]
        )
        return tuple(each for each in every_key if each)

    is_selective = field.flag("selective")
    secondary = keys(_first(raw, "secondary_keys", "keysecondary", "secondaryKeys", "secondkey"))
    place, depth, from_start = _placed(field, decorated)
    return LoreEntry(
        number=number,
        name=field.text("comment") or field.text("name") or field.text("displayName"),
        content=content,
        keys=keys(_first(raw, "keys", "key", "keywords")),
        secondary=secondary if is_selective or (is_selective is None and "keysecondary" in raw) else (),
        logic=_logic(field),
        required=keys(decorated.get("additional_keys", "")),
        excluded=keys(decorated.get("exclude_keys", "")),
        constant=field.flag("constant", "alwaysActive", "forceActivation") is True,
        always=always,
        probability=_probability(field),
        order=_either(field.number("insertion_order", "order", "insertorder", "weight"), 100),
        priority=_either(field.number("priority"), 0),
        ignores_budget=field.flag("ignore_budget", "ignoreBudget") is True,
        goes_first="ignore_on_max_context" in decorated,
        scan_depth=_scan_depth(field, decorated),
        scans_prompt=any(field.flag(name) for name in _SCANNED.intersection(field.members)),
        place=place,
        depth=depth,
        depth_from_start=from_start,
        role=_role(field, decorated),
        greeting=_decorated(decorated, "is_greeting"),
        groups=tuple(part for text in field.text("group").split(",") if (part := text.strip())),
        group_weight=max(_either(field.number("group_weight", "groupWeight"), 100), 0),
        group_winner=field.flag("group_override", "groupOverride") is True,
        timing=_timing(field, decorated),
        recursion=_recursion(field),
    )


_SCANNED = frozenset(
    {
        "match_character_description",
        "matchCharacterDescription",
        "match_character_personality",
        "matchCharacterPersonality",
        "match_scenario",
        "matchScenario",
    }
)
_TIMED = frozenset({"sticky", "cooldown", "delay"})
_RECURSIVE = frozenset(
    {
        "exclude_recursion",
        "excludeRecursion",
        "prevent_recursion",
        "preventRecursion",
        "delay_until_recursion",
        "delayUntilRecursion",
    }
)
_NO_TIMING = Timing()
_PLAIN_RECURSION = Recursion()


def _first(raw: Mapping[str, Any], *names: str) -> Any:
    return next((raw[name] for name in names if raw.get(name)), None)


def _either(number: float | None, default: float) -> float:
    return default if number is None else number


def _probability(field: _Field) -> float:
    if field.flag("useProbability", "use_probability") is False:
        return 100
    return _either(field.number("probability", "activationPercent"), 100)


def _logic(field: _Field) -> Logic:
    number = field.whole("selectiveLogic", "selective_logic")
    return _LOGICS[number] if number < len(_LOGICS) else "and_any"


def _decorated(decorator_values: Mapping[str, str], name: str) -> int | None:
    return decorators.number(decorator_values[name]) if name in decorator_values else None


def _scan_depth(field: _Field, decorated: Mapping[str, str]) -> int | None:
    depth = _decorated(decorated, "scan_depth")
    if depth is None and field.number("scan_depth", "scanDepth", "searchRange") is not None:
        return field.whole("scan_depth", "scanDepth", default=SCAN_DEPTH)
    return None if depth is None else max(depth, 0)


def _placed(field: _Field, decorated: Mapping[str, str]) -> tuple[Place, int, bool]:
    """Where it is told, at which depth, and whether that is counted from the start."""
    if position := decorated.get("position"):
        return ("before" if position == "before_desc" else "after"), 0, False
    for name in ("depth", "reverse_depth"):
        if (depth := _decorated(decorated, name)) is not None:
            return "depth", max(depth, 0), name == "reverse_depth"
    position = field.value("position")
    if isinstance(position, str) and not position.strip().isdecimal():
        named: dict[str, Place] = {"before_char": "before", "after_char": "after"}
        return named.get(position, "after"), 0, False
    number = field.whole("position", default=1)
    place = _PLACES.get(number, "after")
    if number in {2, 3}:
        return place, _NOTE_DEPTH, False
    return place, field.whole("depth", default=_NOTE_DEPTH), False


def _role(field: _Field, decorated: Mapping[str, str]) -> Role:
    named = decorated.get("role") or field.value("role")
    if isinstance(named, str):
        for role in _ROLES:
            if named.strip().lower() == role:
                return role
    number = field.whole("role")
    return _ROLES[number] if number < len(_ROLES) else "system"


def _timing(field: _Field, decorated: Mapping[str, str]) -> Timing:
    if not decorated and _TIMED.isdisjoint(field.members):
        return _NO_TIMING
    return Timing(
        sticky=field.whole("sticky"),
        cooldown=field.whole("cooldown"),
        delay=field.whole("delay"),
        after_replies=max(_decorated(decorated, "activate_only_after") or 0, 0),
        every_replies=max(_decorated(decorated, "activate_only_every") or 0, 0),
        forever_once_told="keep_activate_after_match" in decorated,
        once="dont_activate_after_match" in decorated,
    )


def _recursion(field: _Field) -> Recursion:
    if _RECURSIVE.isdisjoint(field.members):
        return _PLAIN_RECURSION
    waits = field.flag("delay_until_recursion", "delayUntilRecursion")
    return Recursion(
        by_lore=field.flag("exclude_recursion", "excludeRecursion") is not True,
        brings_up=field.flag("prevent_recursion", "preventRecursion") is not True,
        level=max(field.whole("delay_until_recursion", "delayUntilRecursion"), 1) if waits else 0,
    )
