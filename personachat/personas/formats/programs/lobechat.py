"""LobeChat: agents as its market lists them, and the export of agents and sessions (`exportType`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.sketches import Sketch, mapping, objects, texts, turns


def _is_agent(value: Any) -> bool:
    config = mapping(mapping(value).get("config"))
    return "systemRole" in config and isinstance(mapping(value).get("meta"), dict)


def _is_export(value: Any) -> bool:
    state = mapping(mapping(value).get("state"))
    return "exportType" in mapping(value) and bool({"sessions", "agents"} & state.keys())


def _matches(value: Any) -> bool:
    return _is_agent(value) or _is_export(value)


def _read(value: Any) -> Iterator[Sketch]:
    if _is_agent(value):
        yield _sketch(value)
        return
    state = mapping(value["state"])
    sessions = objects(state.get("sessions")) or objects(state.get("agents"))
    for number, session in enumerate(each for each in sessions if _is_agent(each)):
        sketch = _sketch(session)
        if number == 0:
            sketch.leave_out(state, {"sessions", "agents", "sessionGroups"}, where=" of the export")
        yield sketch


def _sketch(agent: dict[str, Any]) -> Sketch:
    meta, config = mapping(agent["meta"]), mapping(agent["config"])
    params = mapping(config.get("params"))
    _, examples, _ = turns(agent.get("examples") or config.get("fewShots"))
    identifier = agent.get("identifier") or agent.get("id")
    sketch = Sketch(
        name=meta.get("title") or agent.get("title") or identifier,
        prompt=config.get("systemRole"),
        description=meta.get("description"),
        model=config.get("model"),
        temperature=params.get("temperature"),
        top_p=params.get("top_p") if params.get("top_p") != 1 else None,
        max_tokens=params.get("max_tokens"),
        greeting=config.get("openingMessage"),
        starters=texts(config.get("openingQuestions")),
        examples=examples,
        tags=texts(meta.get("tags")),
        avatar=meta.get("avatar"),
        marks=(identifier,) if identifier else (),
    )
    sketch.leave_out(
        config,
        {"systemRole", "model", "provider", "params", "openingMessage", "openingQuestions", "fewShots"}
        | {"chatConfig", "displayMode"},
    )
    sketch.leave_out(params, {"temperature", "top_p", "max_tokens"}, where=" of the settings")
    return sketch


READER = Reader("lobechat", "a LobeChat agent", _matches, _read)
