"""Prompts as text: Markdown with front matter, in and out, and plain text and Markdown without it.

Front matter is YAML; what people write there that is none (a colon in a description) is read line by line.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from personachat.personas.formats.naming import name_of, spaced
from personachat.personas.formats.prompt_template import compiled, left_behind
from personachat.personas.formats.sketches import Sketch, as_text, mapping, texts
from personachat.personas.formats.yaml_text import NoYaml, read_yaml
from personachat.personas.persona import Persona

OURS = "personachat"
_SIGNS = {name: f"{{{{{name}}}}}" for name in ("user", "date", "time", "weekday")}

MOST_FRONT_CHARACTERS = 100_000

_FENCE = re.compile(r"\ufeff?\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_KEY = re.compile(r"([A-Za-z_][\w.-]{0,40}):[ \t]*(.*)\Z")
_NO_MODEL = frozenset({"inherit", "default", "auto"})
_KINDS = (
    ({"globs", "alwaysApply"}, "Cursor rules"),
    ({"applyTo"}, "Copilot instructions"),
    ({"mode", "agent"}, "an agent in Markdown with front matter"),
    ({"tools", "name"}, "an agent in Markdown with front matter"),
)


def split_front_matter(text: str) -> tuple[dict[str, Any], str] | None:
    """The front matter's values and the text below; None if a text has none."""
    match = _FENCE.match(text[:MOST_FRONT_CHARACTERS])
    if match is None:
        return None
    try:
        values = read_yaml(match[1])
    except NoYaml:
        values = _line_by_line(match[1])
    if not isinstance(values, dict) or not values:
        return None
    return values, text[match.end() :].strip()


def kind_of(values: dict[str, Any]) -> str:
    """What front matter with these keys is, with its article."""
    labels = (label for keys, label in _KINDS if keys & values.keys())
    return next(labels, "a Markdown prompt with front matter")


def read_agent(values: dict[str, Any], body: str, *, name: str) -> Sketch:
    """The persona of a text with front matter; `name` is the file's."""
    model = next(iter(texts(values.get("model"))), None)
    ours = mapping(values.get(OURS))
    title = as_text(values.get("name")) or as_text(values.get("title"))
    sketch = Sketch(
        name=spaced(title) or name_of(body, name=name),
        prompt=body or values.get("instructions") or values.get("prompt"),
        description=values.get("description"),
        model=None if model in _NO_MODEL else model,
        temperature=values.get("temperature"),
        top_p=values.get("top_p") or values.get("topP"),
        max_tokens=values.get("max_tokens") or values.get("maxTokens"),
        greeting=ours.get("greeting") or values.get("greeting"),
        starters=texts(ours.get("starters") or values.get("starters")),
        tags=texts(values.get("tags")),
        avatar=as_text(values.get("emoji") or ours.get("avatar")),
        marks=(title or name,),
    )
    if ours.get("name"):
        sketch.name = ours["name"]
    read = {
        "name",
        "title",
        "description",
        "model",
        "temperature",
        "top_p",
        "topP",
        "max_tokens",
        "maxTokens",
    }
    read |= {"tags", "emoji", "greeting", "starters", "instructions", "prompt", OURS}
    sketch.leave_out(values, read, where=" of the front matter")
    return sketch


def read_plain(text: str, *, name: str) -> Sketch:
    """The persona whose prompt is the whole text."""
    return Sketch(name=name_of(text, name=name), prompt=text.strip(), marks=(name, text[:200]))


def looks_like_prose(text: str) -> bool:
    """Whether it can be a prompt: some words, and no program, page or data."""
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype", "<html", "<?xml", "<svg", "#!", "%pdf", "-----begin")):
        return False
    if start.startswith(("{", "[")) and not re.match(r"\{\{|\[[^\W\d_]", start):
        return False
    return len(re.findall(r"[^\W\d_]{2,}", text[:4_000])) >= 2 or _has_wide_words(text)


def write_agent(persona: Persona) -> tuple[str, tuple[str, ...]]:
    """A Markdown agent, and in sentences what it cannot hold."""
    values: dict[str, Any] = {
        "name": persona.id,
        "description": persona.description or persona.name,
        "model": persona.model,
    }
    ours: dict[str, Any] = {"name": persona.name}
    if persona.greeting:
        ours["greeting"] = persona.greeting
    if persona.starters:
        ours["starters"] = list(persona.starters)
    if persona.avatar:
        ours["avatar"] = persona.avatar
    values["temperature"] = persona.temperature
    values["max_tokens"] = persona.max_tokens
    if persona.top_p is not None:
        values["top_p"] = persona.top_p
    if persona.tags:
        values["tags"] = list(persona.tags)
    values[OURS] = ours
    head = yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=1_000)
    lost = {
        "other greetings": persona.alternate_greetings,
        "example exchanges": persona.examples,
        "stop texts": persona.stop,
        "lore and extensions": set(persona.extensions) - {"personachat"},
    }
    names = [label for label, value in lost.items() if value]
    losses = [f"A Markdown agent can't include: {', '.join(names)}."] if names else []
    losses += left_behind(persona, tool="A Markdown agent")
    return f"---\n{head}---\n\n{_prompt(persona).strip()}\n", tuple(losses)


def write_text(persona: Persona) -> tuple[str, tuple[str, ...]]:
    """The system prompt alone."""
    return f"{_prompt(persona).strip()}\n", ("Plain text has only the prompt. Everything else is left out.",)


def _prompt(persona: Persona) -> str:
    """What the model is told at first, with the placeholders as they are."""
    return compiled(persona, signs=_SIGNS)[0].content


def _line_by_line(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    last = ""
    for line in text.splitlines():
        match = _KEY.match(line)
        if match:
            last = match[1]
            values[last] = match[2].strip().strip("\"'").replace("\\n", "\n")
        elif last and line.strip():
            values[last] = f"{values[last]}\n{line.strip()}".strip()
    return values


def _has_wide_words(text: str) -> bool:
    """Scripts that write without blanks between words."""
    return len(re.findall(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", text[:4_000])) >= 4
