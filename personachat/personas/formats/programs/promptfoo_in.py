"""promptfoo's configuration read: each prompt a persona, its tests kept for the way back.

Nothing that a prompt refers to (`file://`, scripts, packages) is opened. Variables stay as they stand, but
for the two that PersonaChat's own export uses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from personachat.personas import limits
from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.promptfoo import ORIGIN
from personachat.personas.formats.sketches import Sketch, as_text, mapping, objects, turns
from personachat.personas.formats.yaml_text import NoYaml, read_yaml

MOST_KEPT_CHARACTERS = 200_000

_REFERENCE = re.compile(
    r"(?:[a-z]+://|package:|exec:|python:|huggingface:)|\.(?:txt|json|ya?ml|js|py|csv)\Z", re.IGNORECASE
)
_LITERAL = re.compile(r"\{\{ '([{#])' \}\}")
_OURS = (
    (re.compile(r"\{\{\s*user_name\s*\}\}"), "{{user}}"),
    (re.compile(r"\{\{\s*today\s*\}\}"), "{{date}}"),
)
_ONLY_VARIABLE = re.compile(r"\s*\{\{\s*[\w.]+\s*\}\}\s*\Z")
_PARTS = frozenset({"chat", "messages", "completion", "responses", "text"})


def _matches(value: Any) -> bool:
    value = mapping(value)
    return "prompts" in value and bool({"providers", "tests", "targets", "defaultTest"} & value.keys())


def _read(value: Any) -> Iterator[Sketch]:
    prompts = value["prompts"] if isinstance(value["prompts"], list) else [value["prompts"]]
    model, config = _provider(value)
    tests = objects(value.get("tests"))
    extensions = {"tests": tests} | (
        {"defaultTest": value["defaultTest"]} if value.get("defaultTest") else {}
    )
    fits = len(json.dumps(extensions)) <= MOST_KEPT_CHARACTERS
    written = [(number, prompt, _raw(prompt)) for number, prompt in enumerate(prompts, 1)]
    own = [each for each in written if each[2] and not _is_reference(each[2])]
    for number, prompt, text in own:
        label = as_text(mapping(prompt).get("label")) or as_text(value.get("description"))
        sketch = _sketch(text, name=_plain(label) or f"Prompt {number}")
        sketch.model, sketch.marks = model, (label, number)
        sketch.temperature, sketch.top_p = config.get("temperature"), config.get("top_p")
        sketch.max_tokens, sketch.stop = config.get("max_tokens"), config.get("stop") or ()
        sketch.starters = [text for test in tests for text in _questions(test)][: limits.STARTERS_COUNT]
        if tests and fits:
            sketch.extensions[ORIGIN] = extensions
        elif tests:
            sketch.losses.append("There are too many tests to keep.")
        read = {"prompts", "providers", "targets", "tests", "defaultTest", "description"}
        sketch.leave_out(value, read)
        if len(objects(value.get("providers"))) > 1 or len(own) < len(written):
            sketch.losses.append("Other providers, and prompts in separate files, were left out.")
        yield sketch


def _raw(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    return as_text(mapping(prompt).get("raw") or mapping(prompt).get("id"))


def _is_reference(text: str) -> bool:
    return bool(_REFERENCE.search(text.strip())) and "\n" not in text.strip()


def _sketch(text: str, *, name: str) -> Sketch:
    messages = _messages(text)
    if messages is None:
        return Sketch(name=name, prompt=_plain(text))
    system, pairs, greeting = turns(messages)
    if not system:
        return Sketch(
            name=name, prompt="\n\n".join(_plain(as_text(each.get("content"))) for each in messages)
        )
    examples = [(_plain(user), _plain(assistant)) for user, assistant in pairs]
    sketch = Sketch(name=name, prompt=_plain(system), examples=examples, greeting=_plain(greeting))
    last = as_text(messages[-1].get("content"))
    if messages[-1].get("role") == "user" and not _ONLY_VARIABLE.match(last):
        sketch.losses.append("The last question of the prompt was left out.")
    return sketch


def _messages(text: str) -> list[dict[str, Any]] | None:
    if not text.lstrip().startswith(("[", "-")):
        return None
    try:
        document = read_yaml(text)
    except NoYaml:
        return None
    messages = objects(document)
    return messages if messages and all("role" in each for each in messages) else None


def _plain(text: str) -> str:
    for pattern, ours in _OURS:
        text = pattern.sub(ours, text)
    return _LITERAL.sub(lambda match: match[1], text)


def _questions(test: dict[str, Any]) -> list[str]:
    """The one short text that a test puts in."""
    values = [each for each in mapping(test.get("vars")).values() if isinstance(each, str)]
    return [
        each for each in values if len(values) == 1 and 0 < len(each) <= limits.STARTER and "\n" not in each
    ]


def _provider(value: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    providers = value.get("providers") or value.get("targets")
    first = providers[0] if isinstance(providers, list) and providers else providers
    if isinstance(first, dict) and "id" not in first and len(first) == 1:
        ((name, options),) = first.items()
        first = {"id": name} | mapping(options)
    name = first if isinstance(first, str) else as_text(mapping(first).get("id"))
    parts = name.split(":")
    if len(parts) < 2 or _REFERENCE.match(name):
        return None, mapping(mapping(first).get("config"))
    model = ":".join(part for number, part in enumerate(parts[1:]) if number or part not in _PARTS)
    model = model if parts[0] == "openai" else f"{parts[0]}/{model}"
    return model or None, mapping(mapping(first).get("config"))


READER = Reader("promptfoo", "a promptfoo configuration", _matches, _read)
