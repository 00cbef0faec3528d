"""Edits of a suite's text at a path that leave everything else to the letter: comments, order, layout.

Every edit is checked: the new text has to say what was meant, and nothing else. Where it can't be done in
place, as with anchors or unusual layouts, the whole text is written again. Paths are keys and numbers, as in
("cases", 0, "name"). A text that can't be read as YAML raises NoYaml.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import yaml

from personachat.personas.formats.yaml_text import composed, read_yaml

Path: TypeAlias = tuple[str | int, ...]

_WIDE = 10_000_000


def with_value(text: str, path: Path, value: Any) -> str:
    """With the value at a path, which may be a key that isn't there yet."""

    def change(whole: Any) -> None:
        _at(whole, path[:-1])[path[-1]] = value

    return _edited(text, change, lambda node: _put(text, node, path, value))


def with_mapping(text: str, path: Path, value: dict[str, Any]) -> str:
    """With another mapping at a path. What both have in common stays to the letter, as deep as it goes."""
    here = _at(read_yaml(text), path[:-1]).get(path[-1])
    if not isinstance(here, dict) or not here.keys() & value.keys():
        return with_value(text, path, value)
    for key, inner in value.items():
        if isinstance(inner, dict):
            text = with_mapping(text, (*path, key), inner)
        elif key not in here or not _same(here[key], inner):
            text = with_value(text, (*path, key), inner)
    for key in here.keys() - value.keys():
        text = without(text, (*path, key))
    return text


def _same(one: Any, other: Any) -> bool:
    """As JSON, where true is not 1."""
    return json.dumps(one) == json.dumps(other)


def with_entry(text: str, path: Path, value: Any) -> str:
    """With another entry at the end of the list at a path; it may not be there yet."""
    here = _at(read_yaml(text), path[:-1]).get(path[-1])
    if not isinstance(here, list) or not here:
        return with_value(text, path, [value])
    return _edited(
        text, lambda whole: _at(whole, path).append(value), lambda node: _appended(text, node, path, value)
    )


def without(text: str, path: Path) -> str:
    """Without the key or the entry at a path."""

    def change(whole: Any) -> None:
        del _at(whole, path[:-1])[path[-1]]

    return _edited(text, change, lambda node: _removed(text, node, path))


def swapped(text: str, path: Path, one: int, other: int) -> str:
    """With two entries of the list at a path in each other's place."""

    def change(whole: Any) -> None:
        entries = _at(whole, path)
        entries[one], entries[other] = entries[other], entries[one]

    return _edited(text, change, lambda node: _exchanged(text, node, path, (one, other)))


def _edited(text: str, change: Callable[[Any], None], splice: Callable[[yaml.Node], str | None]) -> str:
    expected = copy.deepcopy(read_yaml(text))
    change(expected)
    node = composed(text)
    new = splice(node) if node is not None else None
    if new is not None and _says(new, expected):
        return new
    if text.lstrip().startswith("{"):
        return json.dumps(expected, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump(expected, allow_unicode=True, sort_keys=False, width=100)


def _says(text: str, expected: Any) -> bool:
    try:
        return bool(json.dumps(read_yaml(text)) == json.dumps(expected))
    except Exception:  # noqa: BLE001  # whatever it is, the text isn't what was meant
        return False


def _at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def _node(node: yaml.Node, path: Path) -> yaml.Node | None:
    for part in path:
        if isinstance(node, yaml.MappingNode):
            nodes = [value for key, value in node.value if key.value == part]
            if not nodes:
                return None
            node = nodes[0]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return None
    return node


def _end(text: str, node: yaml.Node) -> int:
    """Where what is written for a node ends; a block's own mark is behind the white space that follows."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(node, yaml.MappingNode) else last)
    start, end = node.start_mark.index, node.end_mark.index
    return int(start + len(text[start:end].rstrip()))


def _line_end(text: str, index: int) -> int:
    """The end of the line, where nothing but a comment follows; else the same place."""
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    rest = text[index:end].strip()
    return end if not rest or rest.startswith("#") else index


def _written(value: Any, *, flow: bool, is_json: bool = False) -> str:
    """A value on one line."""
    if is_json or (isinstance(value, str) and ("\n" in value or flow)):
        return json.dumps(value, ensure_ascii=False)
    dumped = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=_WIDE, default_flow_style=True)
    dumped = dumped.removesuffix("...\n").strip()
    return json.dumps(value, ensure_ascii=False) if "\n" in dumped else dumped


def _block(value: Any, indent: int) -> str:
    """A mapping as an entry of a block list, its dash at a column; values inside stay on their lines."""
    if not isinstance(value, dict):
        return _written(value, flow=False)
    lines = []
    for key, inner in value.items():
        if isinstance(inner, list) and inner and all(isinstance(each, dict) for each in inner):
            lines.append(f"{key}:")
            lines += [f"  - {_written(each, flow=False)}" for each in inner]
        else:
            lines.append(f"{key}: {_written(inner, flow=False)}")
    return ("\n" + " " * (indent + 2)).join(lines)


def _put(text: str, root: yaml.Node, path: Path, value: Any) -> str | None:
    is_json = text.lstrip().startswith("{")
    node, parent = _node(root, path), _node(root, path[:-1])
    if parent is None:
        return None
    flow = bool(getattr(parent, "flow_style", False))
    if node is not None:
        written = _written(value, flow=flow, is_json=is_json)
        start = node.start_mark.index
        gap = "" if not text[:start].endswith(":") else " "
        return text[:start] + gap + written + text[_end(text, node) :]
    if not isinstance(parent, yaml.MappingNode) or not parent.value:
        return None
    end = _end(text, parent.value[-1][1])
    if flow:
        entry = f"{_key(path[-1], is_json=is_json)}: {_written(value, flow=True, is_json=is_json)}"
        return f"{text[:end]}, {entry}{text[end:]}"
    indent, end = parent.value[0][0].start_mark.column, _line_end(text, end)
    return f"{text[:end]}\n{' ' * indent}{_key(path[-1])}: {_written(value, flow=False)}{text[end:]}"


def _key(key: str | int, *, is_json: bool = False) -> str:
    plain = not is_json and re.fullmatch(r"[A-Za-z_$][\w$-]*", str(key)) and read_yaml(str(key)) == key
    return str(key) if plain else json.dumps(key, ensure_ascii=False)


def _appended(text: str, root: yaml.Node, path: Path, value: Any) -> str | None:
    node = _node(root, path)
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        return None
    last = node.value[-1]
    end = _end(text, last)
    if node.flow_style:
        is_json = text.lstrip().startswith("{")
        return f"{text[:end]}, {_written(value, flow=True, is_json=is_json)}{text[end:]}"
    dash = _dash(text, last)
    end = _line_end(text, end)
    indent = dash - text.rfind("\n", 0, dash) - 1
    return f"{text[:end]}\n{' ' * indent}- {_block(value, indent)}{text[end:]}"


def _dash(text: str, entry: yaml.Node) -> int:
    """Where the dash of a block list's entry is."""
    return text.rfind("-", 0, entry.start_mark.index)


def _removed(text: str, root: yaml.Node, path: Path) -> str | None:
    parent = _node(root, path[:-1])
    if not isinstance(parent, yaml.CollectionNode) or len(parent.value) < 2:
        return None
    if isinstance(parent, yaml.MappingNode):
        keys = [key.value for key, _ in parent.value]
        number = keys.index(path[-1])
        starts = [key.start_mark.index for key, _ in parent.value]
        ends = [_end(text, value) for _, value in parent.value]
    else:
        number = int(path[-1])
        starts = [each.start_mark.index if parent.flow_style else _dash(text, each) for each in parent.value]
        ends = [_end(text, each) for each in parent.value]
    if number == 0:
        return text[: starts[0]] + text[starts[1] :]
    if parent.flow_style:
        return text[: ends[number - 1]] + text[ends[number] :]
    return text[: _line_end(text, ends[number - 1])] + text[_line_end(text, ends[number]) :]


def _exchanged(text: str, root: yaml.Node, path: Path, both: tuple[int, int]) -> str | None:
    node = _node(root, path)
    if not isinstance(node, yaml.SequenceNode):
        return None
    first, second = (node.value[each] for each in sorted(both))
    one, other = ((each.start_mark.index, _end(text, each)) for each in (first, second))
    if not node.flow_style:
        one, other = ((start, _line_end(text, end)) for start, end in (one, other))
    between = text[one[1] : other[0]]
    return text[: one[0]] + text[slice(*other)] + between + text[slice(*one)] + text[other[1] :]
