"""Reads YAML as plain values, within limits that no alias, tag or nesting gets around.

What is read is what JSON could hold, but for the size of numbers: a date stays the text it was. A tag that
would make an object is refused. A document counts every node as often as aliases repeat it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import yaml

from personachat.errors import ImportRefused

MOST_CHARACTERS = 1024 * 1024
MOST_NODES = 50_000
MOST_DIGITS = 300
"""With what aliases repeat."""

MOST_DEPTH = 40
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_HINT = "Nothing was imported."

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _PlainLoader(_Base):  # type: ignore[misc]  # libyaml's loader, where it is there
    """Dates stay texts, as JSON has none."""


_PlainLoader.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for sign, resolvers in _Base.yaml_implicit_resolvers.items()
}


def _int(loader: Any, node: yaml.ScalarNode) -> int:
    """Of few digits: others take long to read, and Python writes none of more than 4,300 as text."""
    if len(node.value) > MOST_DIGITS:
        raise yaml.constructor.ConstructorError(None, None, "the number is too long", node.start_mark)
    number: int = loader.construct_yaml_int(node)
    return number


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _int)


class NoYaml(ImportRefused):
    """The text is no YAML at all, or breaks a limit. `line` and `column` count from 1."""

    line: int = 1
    column: int = 1
    reason: str = ""
    """What the parser says."""


def read_yaml(text: str) -> Any:
    """The value of the first document. Raises NoYaml."""
    with _refused(text):
        loader = _PlainLoader(text)
        try:
            return _plain(loader.get_data() if loader.check_data() else None)
        finally:
            loader.dispose()


def composed(text: str) -> yaml.Node | None:
    """The only document as nodes that know their places, within the same limits. Raises NoYaml."""
    with _refused(text):
        loader = _PlainLoader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
            return node
        finally:
            loader.dispose()


@contextmanager
def _refused(text: str) -> Iterator[None]:
    """Within, a text that keeps the limits is read; what goes wrong is a NoYaml."""
    if len(text) > MOST_CHARACTERS:
        _refuse(f"The YAML is too large; the limit is {MOST_CHARACTERS // 1024:,} KB.")
    try:
        _check(text)
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}" if mark else ""
        refused = NoYaml(f"The YAML can't be read: there is an error{line}.", hint=_HINT)
        refused.reason = error.problem or ""
        if mark:
            refused.line, refused.column = mark.line + 1, mark.column + 1
        raise refused from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        _refuse("The YAML can't be read.")


class _Count:
    """How many nodes there are, with those that aliases stand for."""

    def __init__(self) -> None:
        self.total = 0
        self._sizes: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = []

    def add(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._sizes:
                _refuse("The YAML refers to something that is missing, or to itself.")
            self.total += self._sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            self.total += 1
            if event.anchor:
                self._sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event.anchor, self.total))
            self.total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self._open.pop()
            if anchor:
                self._sizes[anchor] = self.total - before
        if self.total > MOST_NODES:
            _refuse(f"The YAML has more than {MOST_NODES:,} values.")
        if len(self._open) > MOST_DEPTH:
            _refuse(f"The YAML is nested too deeply; the limit is {MOST_DEPTH} levels.")


def _check(text: str) -> None:
    """Count the first document before any of it is built."""
    count = _Count()
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.DocumentEndEvent):
            return
        count.add(event)


def _plain(value: Any) -> Any:
    """A copy with texts as keys, and without what JSON does not know."""
    if isinstance(value, dict):
        return {_key(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return key if isinstance(key, str) else str(key)


def _refuse(message: str) -> NoReturn:
    raise NoYaml(message, hint=_HINT) from None
