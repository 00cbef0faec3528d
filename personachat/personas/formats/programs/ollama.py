"""Ollama's Modelfile, in and out, and the modelfiles that Open WebUI kept before it had models.

Instructions are read as Ollama's own parser reads them: in any case, texts bare, in quotes or in three.
Source: docs/modelfile.md and parser/parser.go of Ollama.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from personachat.personas.formats.naming import name_of
from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.prompt_template import compiled, left_behind
from personachat.personas.formats.sketches import Sketch, as_text, mapping, objects, texts, turns
from personachat.personas.persona import Persona

OLLAMA = "ollama"
MOST_INSTRUCTIONS = 5_000

_INSTRUCTIONS = "FROM|PARAMETER|TEMPLATE|SYSTEM|ADAPTER|DRAFT|RENDERER|PARSER|LICENSE|MESSAGE|REQUIRES"
_LINE = re.compile(rf"[ \t]*({_INSTRUCTIONS})[ \t]+", re.IGNORECASE)
_SIGNS = {"user": "the user", "date": "today", "time": "now", "weekday": "today"}
_HEAD = re.compile(r"(\w+)[ \t]+")
_QUOTES = '"""'
_APOSTROPHES = "'''"
_CLOSING = {quotes: re.compile(rf"{quotes}[ \t\r]*(?=\n|\Z)") for quotes in (_QUOTES, '"')}
_ENDING = re.compile(r'"""(?=[ \t]*[\r\n])')
_PLAIN = {"Zs": " ", "Zl": "\n", "Zp": "\n"}
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
    parameters: dict[str, list[str]] = {}
    messages: list[dict[str, str]] = []
    for key, head, value in _instructions(text):
        if key == "PARAMETER":
            parameters.setdefault(head.lower(), []).append(value)
        elif key == "MESSAGE":
            messages.append({"role": head.lower(), "content": value.strip()})
        else:
            values.setdefault(key, []).append(value)
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
    lost = [key for key in values if key in {"TEMPLATE", "ADAPTER", "DRAFT", "LICENSE", "RENDERER", "PARSER"}]
    sketch.leave_out(dict.fromkeys(lost, True), set())
    sketch.leave_out(dict.fromkeys(parameters, True), _SILENT, where=" of the parameters")
    if base and _is_file(base):
        sketch.losses.append("The model is a separate file next to the Modelfile and was not read.")
    return sketch


def write_modelfile(persona: Persona) -> tuple[str, tuple[str, ...]]:
    """A Modelfile, and in sentences what it cannot hold."""
    provider, _, model = persona.model.partition("/")
    losses = []
    model = _one_line(_readable(model if provider == OLLAMA else persona.model))
    name = model.replace('"', "").lstrip("./~\\ ") or "model"  # not a file of whoever runs it
    if provider != OLLAMA or name != model:
        losses.append(f'Ollama has no model named "{persona.model}". Change it after FROM.')
    messages = compiled(persona, signs=_SIGNS)
    lines = [f"FROM {name}"]
    parameters: dict[str, Any] = {"temperature": persona.temperature, "top_p": persona.top_p}
    parameters |= {"num_predict": persona.max_tokens, "num_ctx": persona.context_tokens}
    lines += [f"PARAMETER {key} {value}" for key, value in parameters.items() if value is not None]
    texts = [*persona.stop, *(each.content for each in messages)]
    readable = [_readable(text) for text in texts]
    if readable != texts:
        losses.append("Characters that Ollama drops, as in some emoji, were left out or became plain spaces.")
    if any(_ENDING.search(text) for text in readable):
        losses.append("Triple quotes were replaced by apostrophes because they would end the text.")
    heads = [*("PARAMETER stop" for _ in persona.stop), "SYSTEM"]
    heads += [f"MESSAGE {each.role}" for each in messages[1:]]
    lines += [f"{head} {_quoted(text)}" for head, text in zip(heads, readable, strict=True)]
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


def _instructions(text: str) -> Iterator[tuple[str, str, str]]:
    """Of each instruction its name, the role or the parameter that follows, "" for others, and the value."""
    at, unclosed = 0, set[str]()
    for _ in range(MOST_INSTRUCTIONS):
        end = _line_end(text, at)
        match = _LINE.match(text, at, end)
        if match is not None:
            key, start = match[1].upper(), match.end()
            head = _HEAD.match(text, start, end) if key in {"MESSAGE", "PARAMETER"} else None
            value, end = _value(text, head.end() if head else start, end, unclosed)
            yield key, head[1] if head else "", value
        at = end + 1
        if at > len(text):
            return


def _value(text: str, start: int, end: int, unclosed: set[str]) -> tuple[str, int]:
    """The value that begins here, and where its last line ends. Quotes close at the end of a line alone.

    `unclosed` are the quotes that are known not to be closed any more.
    """
    for quotes, closing in _CLOSING.items():
        if not text.startswith(quotes, start):
            continue
        opened = start + len(quotes)
        closed = None if quotes in unclosed else closing.search(text, opened)
        if closed is not None:
            return text[opened : closed.start()], _line_end(text, closed.end())
        unclosed.add(quotes)
        if quotes == _QUOTES:  # Ollama would refuse the file
            close = text.find(quotes, opened)
            close = len(text) if close < 0 else close
            return text[opened:close], _line_end(text, close)
    return text[start:end].strip(), end


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _is_file(base: str) -> bool:
    return base.startswith(("./", "/", "../", "~")) or base.lower().endswith(
        (".gguf", ".safetensors", ".bin")
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _readable(text: str) -> str:
    """The text without what Ollama drops as it reads; other spaces and line breaks become plain ones."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in "\t\r\n" else _PLAIN.get(unicodedata.category(sign), "")
        for sign in text
    )


def _quoted(text: str) -> str:
    """The text in quotes: three of its own at the end of a line would end it, unless it is the last line."""
    return f"{_QUOTES}{_ENDING.sub(_APOSTROPHES, text)}{_QUOTES}"


def _modelfiles(value: Any) -> list[dict[str, Any]]:
    modelfiles = value if isinstance(value, list) else [value]
    files = [mapping(each.get("modelfile")) or each for each in objects(modelfiles)]
    return [each for each in files if "content" in each and "tagName" in each]


def _read_modelfiles(value: Any) -> Iterator[Sketch]:
    for each in _modelfiles(value):
        name = as_text(each.get("title")) or as_text(each.get("tagName"))
        sketch = read_modelfile(as_text(each["content"]), name=name)
        sketch.description = each.get("desc")
        sketch.starters = [prompt.get("content") for prompt in objects(each.get("suggestionPrompts"))]
        sketch.tags = texts(each.get("categories"))
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
