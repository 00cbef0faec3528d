"""Ollama's Modelfile, in and out, and the modelfiles that Open WebUI kept before it had models.

Instructions are read as Ollama's own parser reads them: in any case, texts bare, in quotes or in three.
Source: docs/modelfile.md and parser/parser.go of Ollama.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from personachat.personas.formats.naming import name_of
from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.prompt_template import compiled, left_behind
from personachat.personas.formats.sketches import Sketch, as_text, mapping, objects, turns
from personachat.personas.persona import Persona

OLLAMA = "ollama"
MOST_INSTRUCTIONS = 5_000

_INSTRUCTIONS = "FROM|PARAMETER|TEMPLATE|SYSTEM|ADAPTER|RENDERER|PARSER|LICENSE|MESSAGE|REQUIRES"
_LINE = re.compile(rf"[ \t]*({_INSTRUCTIONS})[ \t]+", re.IGNORECASE)
_SIGNS = {"user": "the user", "date": "today", "time": "now", "weekday": "today"}
_QUOTES = '"""'
_NUMBERS = {"temperature": "temperature", "top_p": "top_p", "num_predict": "max_tokens", "num_ctx": "context"}
_SILENT = {"stop", *_NUMBERS}


def looks_like_modelfile(text: str) -> bool:
    """Whether the first instruction is FROM, and no line before it is anything but a comment."""
    for line in text[:20_000].splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            match = _LINE.match(line)
            return match is not None and match[1].upper() == "FROM"
    return False


def read_modelfile(text: str, *, name: str = "", filename: str = "") -> Sketch:
    """The persona that a Modelfile describes; its name comes from its file or its prompt."""
    values: dict[str, list[str]] = {}
    for key, value in _instructions(text):
        values.setdefault(key, []).append(value)
    parameters: dict[str, list[str]] = {}
    for value in values.get("PARAMETER", []):
        key, _, setting = value.partition(" ")
        parameters.setdefault(key.lower(), []).append(_unquoted(setting.strip()))
    messages = [_message(value) for value in values.get("MESSAGE", [])]
    instructions, pairs, greeting = turns(messages)
    base = values.get("FROM", [""])[-1].strip()
    prompt = "\n\n".join(filter(None, [values.get("SYSTEM", [""])[-1].strip(), instructions]))
    name = name or name_of(prompt, name=filename)
    sketch = Sketch(
        name=name,
        prompt=prompt,
        model=f"{OLLAMA}/{base}" if base and not _is_file(base) else None,
        stop=parameters.get("stop", ()),
        examples=pairs,
        greeting=greeting,
        marks=(name,),
    )
    for key, field in _NUMBERS.items():
        if key in parameters:
            setattr(sketch, "context_tokens" if field == "context" else field, parameters[key][-1])
    lost = [key for key in values if key in {"TEMPLATE", "ADAPTER", "LICENSE", "RENDERER", "PARSER"}]
    sketch.leave_out(dict.fromkeys(lost, True), set())
    sketch.leave_out(dict.fromkeys(parameters, True), _SILENT, where=" of the parameters")
    if base and _is_file(base):
        sketch.losses.append("The model is a separate file next to the Modelfile and was not read.")
    return sketch


def write_modelfile(persona: Persona) -> tuple[str, tuple[str, ...]]:
    """A Modelfile, and in sentences what it cannot hold."""
    provider, _, model = persona.model.partition("/")
    losses = []
    if provider != OLLAMA or not model:
        model = persona.model
        losses.append(f'Ollama has no model named "{model}". Change it after FROM.')
    messages = compiled(persona, signs=_SIGNS)
    lines = [f"FROM {_one_line(model)}"]
    parameters: dict[str, Any] = {"temperature": persona.temperature, "top_p": persona.top_p}
    parameters |= {"num_predict": persona.max_tokens, "num_ctx": persona.context_tokens}
    lines += [f"PARAMETER {key} {value}" for key, value in parameters.items() if value is not None]
    stops = [stop for stop in persona.stop if not set(stop) & set('"\r\n')]
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    if len(stops) < len(persona.stop):
        losses.append("Stop texts with quotes or line breaks were left out.")
    system = messages[0].content
    if _QUOTES in system:
        system = system.replace(_QUOTES, "'''")
        losses.append("Triple quotes were replaced by apostrophes because they would end the text.")
    lines.append(f"SYSTEM {_QUOTES}{system}{_QUOTES}")
    lines += [
        f"MESSAGE {each.role} {_QUOTES}{_without_quotes(each.content)}{_QUOTES}" for each in messages[1:]
    ]
    names = [
        label
        for label, value in (
            ("other greetings", persona.alternate_greetings),
            ("starters", persona.starters),
            ("tags", persona.tags),
            ("the avatar", persona.avatar),
            ("lore and extensions", set(persona.extensions) - {"personachat"}),
        )
        if value
    ]
    losses += left_behind(persona, tool="Ollama")
    losses += [f"A Modelfile can't include: {', '.join(names)}."] if names else []
    return "\n".join(lines) + "\n", tuple(losses)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    for _ in range(MOST_INSTRUCTIONS):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        match = _LINE.match(text, at, end)
        if match is not None:
            key, start = match[1].upper(), match.end()
            quoted = start
            if key == "MESSAGE":
                role = re.compile(r"\w+[ \t]+").match(text, start, end)
                quoted = role.end() if role else start
            if text.startswith(_QUOTES, quoted):
                close = text.find(_QUOTES, quoted + 3)
                close = len(text) if close < 0 else close
                yield key, text[start:quoted] + text[quoted + 3 : close]
                end = text.find("\n", close)
                end = len(text) if end < 0 else end
            else:
                yield key, text[start:quoted] + _unquoted(text[quoted:end].strip())
        at = end + 1
        if at > len(text):
            return


def _message(value: str) -> dict[str, str]:
    role, _, content = value.partition(" ")
    return {"role": role.lower(), "content": content.strip()}


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _is_file(base: str) -> bool:
    return base.startswith(("./", "/", "../", "~")) or base.lower().endswith(
        (".gguf", ".safetensors", ".bin")
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _without_quotes(text: str) -> str:
    return text.replace(_QUOTES, "'''")


def _modelfiles(value: Any) -> list[dict[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    files = [mapping(each.get("modelfile")) or each for each in objects(listed)]
    return [each for each in files if "content" in each and "tagName" in each]


def _read_modelfiles(value: Any) -> Iterator[Sketch]:
    for each in _modelfiles(value):
        name = as_text(each.get("title")) or as_text(each.get("tagName"))
        sketch = read_modelfile(as_text(each["content"]), name=name)
        sketch.description = each.get("desc")
        sketch.starters = [prompt.get("content") for prompt in objects(each.get("suggestionPrompts"))]
        sketch.tags = [tag for tag in each.get("categories") or [] if isinstance(tag, str)]
        sketch.marks = (each.get("tagName"),)
        read = {"content", "title", "tagName", "desc", "suggestionPrompts", "categories", "timestamp", "user"}
        sketch.leave_out(each, read | {"imageUrl"})
        if each.get("imageUrl"):
            sketch.losses.append("The picture was left out.")
        yield sketch


MODELFILES = Reader(
    "open-webui-modelfile",
    "a modelfile of an older Open WebUI",
    lambda value: bool(_modelfiles(value)),
    _read_modelfiles,
)
