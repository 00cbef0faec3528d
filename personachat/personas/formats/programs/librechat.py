"""LibreChat: agents, presets, and the model specs of librechat.yaml, which are written as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.prompt_template import compiled, left_behind
from personachat.personas.formats.sketches import Sketch, mapping, objects, texts
from personachat.personas.persona import Persona

CONFIG_VERSION = "1.3.0"
"""Of librechat.yaml, as its own example has it."""

_SIGNS = {
    "user": "{{current_user}}",
    "date": "{{current_date}}",
    "time": "{{current_datetime}}",
    "weekday": "{{current_date}}",
}
_PROVIDERS = {"anthropic": "anthropic", "google": "google", "openai": "openAI"}
_PRESET_KEYS = frozenset({"promptPrefix", "instructions", "modelLabel", "model", "temperature", "top_p"})


def _is_config(value: Any) -> bool:
    return isinstance(mapping(mapping(value).get("modelSpecs")).get("list"), list)


def _is_agent(value: Any) -> bool:
    value = mapping(value)
    if value.get("object") == "assistant" or "object" in value:
        return False
    return "instructions" in value and (
        "model_parameters" in value or str(value.get("id", "")).startswith("agent_")
    )


def _is_preset(value: Any) -> bool:
    value = mapping(value)
    return "endpoint" in value and bool({"promptPrefix", "presetId", "modelLabel"} & value.keys())


def _read_config(value: Any) -> Iterator[Sketch]:
    for number, spec in enumerate(objects(value["modelSpecs"]["list"])):
        sketch = _of_preset(
            mapping(spec.get("preset")),
            name=spec.get("label") or spec.get("name"),
            description=spec.get("description"),
            mark=spec.get("name"),
        )
        sketch.leave_out(spec, {"name", "label", "description", "preset", "iconURL", "default", "order"})
        if number == 0:
            sketch.leave_out(value, {"modelSpecs", "version"}, where=" of the configuration")
        yield sketch


def _read_preset(value: Any) -> Iterator[Sketch]:
    yield _of_preset(value, name=value.get("title"), description="", mark=value.get("presetId"))


def _read_agent(value: Any) -> Iterator[Sketch]:
    yield _of_agent(value)


def _of_agent(agent: dict[str, Any]) -> Sketch:
    parameters = mapping(agent.get("model_parameters"))
    sketch = Sketch(
        name=agent.get("name") or agent.get("id"),
        prompt=agent.get("instructions"),
        description=agent.get("description"),
        model=agent.get("model") or parameters.get("model"),
        temperature=parameters.get("temperature"),
        top_p=parameters.get("top_p") or parameters.get("topP"),
        max_tokens=parameters.get("max_tokens") or parameters.get("maxOutputTokens"),
        starters=texts(agent.get("conversation_starters")),
        tags=texts(agent.get("category")),
        marks=(agent["id"],) if agent.get("id") else (),
    )
    read = {"id", "_id", "name", "description", "instructions", "model", "provider", "conversation_starters"}
    read |= {"model_parameters", "category", "author", "createdAt", "updatedAt", "__v", "versions"}
    sketch.leave_out(agent, read)
    parameter_keys = {"temperature", "top_p", "topP", "max_tokens", "maxOutputTokens", "model"}
    sketch.leave_out(parameters, parameter_keys, where=" of the settings")
    return sketch


def _of_preset(preset: dict[str, Any], *, name: Any, description: Any, mark: Any) -> Sketch:
    sketch = Sketch(
        name=name or preset.get("modelLabel") or preset.get("chatGptLabel"),
        prompt=preset.get("promptPrefix") or preset.get("system") or preset.get("instructions"),
        description=description,
        model=preset.get("model"),
        temperature=preset.get("temperature"),
        top_p=preset.get("top_p") or preset.get("topP"),
        max_tokens=preset.get("max_tokens") or preset.get("maxOutputTokens"),
        context_tokens=preset.get("maxContextTokens"),
        stop=preset.get("stop") or (),
        greeting=preset.get("greeting"),
        examples=[
            (mapping(each.get("input")).get("content"), mapping(each.get("output")).get("content"))
            for each in objects(preset.get("examples"))
        ],
        marks=(mark,) if mark else (),
    )
    read = _PRESET_KEYS | {"title", "presetId", "endpoint", "endpointType", "system", "topP", "max_tokens"}
    read |= {"maxOutputTokens", "maxContextTokens", "stop", "greeting", "examples", "chatGptLabel", "_id"}
    read |= {"user", "createdAt", "updatedAt", "__v", "order", "defaultPreset", "iconURL"}
    sketch.leave_out(preset, read)
    return sketch


def write_config(persona: Persona) -> tuple[str, tuple[str, ...]]:
    """A librechat.yaml with this persona as a model spec, and in sentences what it cannot hold."""
    name, slash, model = persona.model.partition("/")
    endpoint = _PROVIDERS.get(name, name) if slash else "openAI"
    system = compiled(persona, signs=_SIGNS)[0].content
    preset: dict[str, Any] = {
        "endpoint": endpoint,
        "model": model if slash else persona.model,
        "modelLabel": persona.name,
        "promptPrefix": system,
        "temperature": persona.temperature,
        "max_tokens": persona.max_tokens,
    }
    if persona.greeting:
        preset["greeting"] = persona.greeting.replace("{{char}}", persona.name)
    if persona.top_p is not None:
        preset["top_p"] = persona.top_p
    if persona.stop:
        preset["stop"] = list(persona.stop)
    if persona.context_tokens is not None:
        preset["maxContextTokens"] = persona.context_tokens
    spec = {"name": persona.id, "label": persona.name, "description": persona.description, "preset": preset}
    config = {"version": CONFIG_VERSION, "modelSpecs": {"list": [spec]}}
    written = yaml.safe_dump(config, allow_unicode=True, sort_keys=False, width=110)
    lost = {
        "other greetings": persona.alternate_greetings,
        "starters": persona.starters,
        "example exchanges": persona.examples,
        "tags": persona.tags,
        "the avatar": persona.avatar,
        "lore and extensions": set(persona.extensions) - {"personachat"},
    }
    names = [label for label, value in lost.items() if value]
    losses = left_behind(persona, tool="LibreChat")
    losses += [f"A LibreChat model spec can't include: {', '.join(names)}."] if names else []
    if slash and name not in _PROVIDERS:
        losses.append(f'LibreChat needs an endpoint named "{endpoint}".')
    return written, tuple(losses)


CONFIG = Reader("librechat", "a LibreChat configuration", _is_config, _read_config)
AGENT = Reader("librechat-agent", "a LibreChat agent", _is_agent, _read_agent)
PRESET = Reader("librechat-preset", "a LibreChat preset", _is_preset, _read_preset)
