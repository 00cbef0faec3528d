"""Models of Open WebUI's workspace: written as its import takes them, read as its export gives them.

The whole persona travels in `meta.personachat`, which Open WebUI keeps. On the way back what was edited
there wins, and the rest is the persona as it was. Source: `ModelForm` in open_webui/models/models.py.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from personachat.errors import ImportRefused
from personachat.jsontext.faults import excerpt
from personachat.personas import limits
from personachat.personas.fields import free_id, is_persona_id
from personachat.personas.formats.prompt_template import compiled, left_behind
from personachat.personas.formats.sketches import mapping
from personachat.personas.persona import Persona, Personality, dump_persona

_SIGNS_OF_MACROS = {
    "user": "{{USER_NAME}}",
    "date": "{{CURRENT_DATE}}",
    "time": "{{CURRENT_TIME}}",
    "weekday": "{{CURRENT_WEEKDAY}}",
}
_OURS = "personachat"
_ICON = "/static/favicon.png"

_WITHOUT_PROMPT = "You are {{char}}."
_REQUIRED = ("name", "system_prompt")
_NOTHING: tuple[Any, ...] = (None, "", ())
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([nrt\\]))", re.IGNORECASE)
_SIGNS = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def write_models(persona: Persona) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the list that Open WebUI imports, and in sentences what it cannot hold."""
    params: dict[str, Any] = {
        "system": compiled(persona, signs=_SIGNS_OF_MACROS)[0].content,
        "temperature": persona.temperature,
        "max_tokens": persona.max_tokens,
    }
    if persona.top_p is not None:
        params["top_p"] = persona.top_p
    if persona.stop:
        params["stop"] = [_escaped(text) for text in persona.stop]
    meta = {
        "profile_image_url": _ICON,
        "description": persona.description or None,
        "suggestion_prompts": [{"content": starter} for starter in persona.starters] or None,
        "tags": [{"name": tag} for tag in persona.tags],
        _OURS: json.loads(dump_persona(persona)),
    }
    model = {
        "id": persona.id,
        "base_model_id": persona.model,
        "name": persona.name,
        "params": params,
        "meta": meta,
        "access_control": {},  # nobody's but the importer's, before and after the change of this key's name
        "access_grants": [],
        "is_active": True,
    }
    return [model], (*_losses(persona), *left_behind(persona, tool="Open WebUI"))


def is_model(value: dict[str, Any]) -> bool:
    """Whether a JSON object looks like a model of Open WebUI."""
    info = _info(value)
    return "name" in info and isinstance(info.get("params"), dict) and isinstance(info.get("meta"), dict)


def read_model(value: dict[str, Any]) -> tuple[Persona, tuple[str, ...]]:
    """Return the persona a model stands for, and in sentences what is left out. Raises ImportRefused."""
    info = _info(value)
    losses: list[str] = []
    fields = _fields(info, losses)
    ours = _ours(info, losses)
    if ours is not None:
        defaults = _fields(write_models(ours)[0][0], [])
        fields = {key: fields[key] for key in fields if fields[key] != defaults[key]}
        if "system_prompt" in fields:
            fields["personality"] = Personality()  # it is part of the prompt that was edited
        base = {name: getattr(ours, name) for name in Persona.model_fields}
    else:
        base = {"id": _id(info)}
        losses += _left_out(info)
    return _persona(base, fields, losses), tuple(losses)


def is_ours(value: dict[str, Any]) -> bool:
    """Whether a persona of ours travels in the model."""
    return isinstance(mapping(_info(value).get("meta")).get(_OURS), dict)


def base_model(value: dict[str, Any]) -> Any:
    """The model that a model of Open WebUI is made of, if it names one."""
    model = mapping(mapping(_info(value).get("meta")).get(_OURS))
    return _info(value).get("base_model_id") or model.get("model")


def _info(value: dict[str, Any]) -> dict[str, Any]:
    """Exports of the whole list wrap each model into what is known of it at run time."""
    info = value.get("info")
    return info if isinstance(info, dict) else value


def _fields(info: dict[str, Any], losses: list[str]) -> dict[str, Any]:
    """What a model says, by the persona's names; what is not there is None or empty."""
    params, meta = info["params"], info["meta"]
    stop = params.get("stop")
    starters = _texts(each.get("content") for each in _objects(meta.get("suggestion_prompts")))
    tags = _texts(each.get("name") for each in _objects(meta.get("tags")))
    return {
        "name": info.get("name"),
        "description": meta.get("description"),
        "system_prompt": _placeholders(params.get("system")),
        "model": info.get("base_model_id"),
        "temperature": params.get("temperature"),
        "max_tokens": params.get("max_tokens"),
        "top_p": params.get("top_p"),
        "stop": tuple(_unescaped(each) for each in _texts(stop if isinstance(stop, list) else [stop])),
        "starters": _lines(
            starters,
            "suggested prompts",
            most=limits.STARTERS_COUNT,
            characters=limits.STARTER,
            losses=losses,
        ),
        "tags": _lines(tags, "tags", most=limits.TAGS_COUNT, characters=limits.TAG, losses=losses),
    }


def _persona(base: dict[str, Any], fields: dict[str, Any], losses: list[str]) -> Persona:
    """Put together what can be; a field that breaks a rule is left as it was, and said so."""
    whole = dict(base)
    for key, value in fields.items():
        if value not in _NOTHING:
            whole[key] = value
        elif key not in _REQUIRED:
            whole.pop(key, None)
    if "system_prompt" not in whole:
        whole["system_prompt"] = _WITHOUT_PROMPT
        losses.append(f'The model has no system prompt, so the persona gets "{_WITHOUT_PROMPT}"')
    while True:
        try:
            return Persona.model_validate(whole, by_alias=False, by_name=True)
        except ValidationError as error:
            broken = sorted({str(each["loc"][0]) for each in error.errors(include_url=False)})
        for key in broken:
            if whole.get(key) == base.get(key) or (key in _REQUIRED and key not in base):
                raise ImportRefused(
                    (
                        f"The model can't become a persona: its {key.replace('_', ' ')} is missing or not "
                        "valid."
                    ),
                    hint="Shorten or fix it in Open WebUI, then export it again.",
                )
            del whole[key]
            whole |= {key: base[key]} if key in base else {}
            losses.append(f"The model's {key.replace('_', ' ')} is not valid for a persona and was left out.")


def _ours(info: dict[str, Any], losses: list[str]) -> Persona | None:
    ours = info["meta"].get(_OURS)
    if ours is None:
        return None
    try:
        return Persona.model_validate(ours, by_alias=True, by_name=False)
    except ValidationError:
        losses.append("PersonaChat's own data in the model can't be read and was left out.")
        return None


def _id(info: dict[str, Any]) -> str:
    text = str(info.get("id") or "")
    return text if is_persona_id(text) else free_id(text or str(info["name"]), ())


def _left_out(info: dict[str, Any]) -> list[str]:
    params, meta = info["params"], info["meta"]
    read = {"system", "temperature", "max_tokens", "top_p", "stop"}
    more = sorted(key for key, value in params.items() if key not in read and value is not None)
    losses = []
    if more:
        losses.append(
            f"Settings that a persona doesn't have were left out: {excerpt(', '.join(more), most=80)}."
        )
    if any(meta.get(key) for key in ("knowledge", "toolIds", "filterIds", "actionIds")):
        losses.append("The model's knowledge, tools and functions were left out.")
    if info.get("base_model_id") is None:
        losses.append("The model names no base model. Choose one.")
    return losses


def _losses(persona: Persona) -> tuple[str, ...]:
    unused = [
        ("greetings", persona.greeting or persona.alternate_greetings),
        ("example exchanges", persona.examples),
        ("the avatar", persona.avatar),
        ("the limit on context", persona.context_tokens is not None or persona.summarize),
    ]
    names = [name for name, is_set in unused if is_set]
    losses = []
    if names:
        losses.append(f"Open WebUI keeps but doesn't use: {', '.join(names)}.")
    if "/" in persona.model:
        losses.append(
            f'If Open WebUI doesn\'t have "{excerpt(persona.model)}", choose the base model again there.'
        )
    return tuple(losses)


def _placeholders(system: Any) -> str:
    text = str(system or "")
    for name, sign in _SIGNS_OF_MACROS.items():
        text = text.replace(sign, f"{{{{{name}}}}}")
    return text


def _texts(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]


def _lines(
    texts: Sequence[str], what: str, *, most: int, characters: int, losses: list[str]
) -> tuple[str, ...]:
    lines = [line for text in texts if (line := " ".join(text.split())[:characters])][:most]
    if any(line != text for line, text in zip(lines, texts, strict=False)) or len(lines) < len(texts):
        losses.append(f"The model's {what} were cut to {most} lines of {characters} characters.")
    return tuple(lines)


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _escaped(text: str) -> str:
    """Open WebUI resolves backslash escapes before it sends a stop text, and splits at commas in its form."""
    return text.encode("unicode_escape").decode("ascii").replace(",", "\\x2c")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_sign, text)


def _sign(match: re.Match[str]) -> str:
    if match[4]:
        return _SIGNS[match[4].lower()]
    code = int(match[1] or match[2] or match[3], 16)
    return chr(code) if code <= sys.maxunicode else match[0]
