"""Agents of frameworks: CrewAI's agents.yaml, ElizaOS characters, TinyTroupe's persons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from personachat.personas import limits
from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.sketches import Sketch, as_text, join_parts, mapping, objects, texts


def _is_crew(value: Any) -> bool:
    agents = [each for each in mapping(value).values() if isinstance(each, dict)]
    return bool(agents) and all("role" in each and {"goal", "backstory"} & each.keys() for each in agents)


def _read_crew(value: Any) -> Iterator[Sketch]:
    for key, agent in value.items():
        if not isinstance(agent, dict):
            continue
        role = " ".join(as_text(agent.get("role")).split())
        llm = agent.get("llm")
        sketch = Sketch(
            name=role if 0 < len(role) <= limits.NAME else key.replace("_", " ").capitalize(),
            prompt=join_parts(
                {
                    "Role": f"You are {role}." if role else "",
                    "Goal": _plain_text(agent.get("goal")),
                    "Backstory": _plain_text(agent.get("backstory")),
                }
            ),
            description=_plain_text(agent.get("goal")),
            model=llm if isinstance(llm, str) else mapping(llm).get("model"),
            temperature=mapping(llm).get("temperature"),
            marks=(key,),
        )
        sketch.leave_out(agent, {"role", "goal", "backstory", "llm", "verbose"})
        yield sketch


def _plain_text(value: Any) -> str:
    return as_text(value).strip()


def _is_eliza(value: Any) -> bool:
    value = mapping(value)
    if "name" not in value or "bio" not in value:
        return False
    return bool(
        {"messageExamples", "adjectives", "topics", "style", "modelProvider", "clients"} & value.keys()
    )


def _read_eliza(value: Any) -> Iterator[Sketch]:
    style = mapping(value.get("style"))
    settings = mapping(value.get("settings"))
    sketch = Sketch(
        name=value.get("name"),
        prompt=join_parts(
            {
                "": value.get("system"),
                "About": value.get("bio"),
                "Background": value.get("lore"),
                "Character": ", ".join(texts(value.get("adjectives"))),
                "Topics": ", ".join(texts(value.get("topics"))),
                "Style": [*texts(style.get("all")), *texts(style.get("chat"))],
                "Knowledge": texts(value.get("knowledge")),
            }
        ),
        description=next(iter(texts(value.get("bio"))), ""),
        model=settings.get("model"),
        examples=_eliza_examples(value),
        tags=texts(value.get("topics"))[:10],
        marks=(value.get("id") or value.get("username") or value.get("name"),),
    )
    read = {"name", "system", "bio", "lore", "adjectives", "topics", "style", "knowledge", "messageExamples"}
    sketch.leave_out(value, read | {"id", "username", "modelProvider", "settings"})
    sketch.leave_out(style, {"all", "chat"}, where=" of the style")
    sketch.leave_out(settings, {"model", "secrets"}, where=" of the settings")
    if settings.get("secrets"):
        sketch.losses.append("Secrets in the file were left out.")
    return iter([sketch])


def _eliza_examples(value: dict[str, Any]) -> list[tuple[str, str]]:
    name = as_text(value.get("name"))
    examples = []
    dialogues = value.get("messageExamples")
    for dialogue in dialogues if isinstance(dialogues, list) else ():
        question = ""
        messages = dialogue if isinstance(dialogue, list) else mapping(dialogue).get("examples")
        for message in objects(messages):
            speaker = as_text(message.get("user") or message.get("name"))
            text = as_text(mapping(message.get("content")).get("text")).replace("{{user1}}", "{{user}}")
            if speaker == name and question:
                examples.append((question, text))
                question = ""
            elif speaker != name:
                question = text
    return examples


def _is_tiny(value: Any) -> bool:
    value = mapping(value)
    return value.get("type") == "TinyPerson" and isinstance(value.get("persona"), dict)


def _read_tiny(value: Any) -> Iterator[Sketch]:
    persona = mapping(value["persona"])
    occupation = persona.get("occupation")
    title = mapping(occupation).get("title") or (occupation if isinstance(occupation, str) else "")
    parts = {_heading(key): _tiny_text(each) for key, each in persona.items() if key != "name"}
    sketch = Sketch(
        name=persona.get("name"),
        prompt=f"You are {as_text(persona.get('name'))}.\n\n{join_parts(parts)}".strip(),
        description=title,
        marks=(persona.get("name"),),
    )
    sketch.leave_out(value, {"type", "persona"})
    yield sketch


def _heading(key: str) -> str:
    return key.replace("_", " ").capitalize()


def _tiny_text(value: Any) -> str:
    """A part of a person as text: lists as lists, parts of parts under their names."""
    if not isinstance(value, dict):
        return as_text(value)
    lines = []
    for key, each in value.items():
        text = as_text(each)
        lines.append(f"{_heading(key)}:\n{text}" if "\n" in text else f"{_heading(key)}: {text}")
    return "\n".join(lines)


CREWAI = Reader("crewai", "CrewAI's agents.yaml", _is_crew, _read_crew)
ELIZAOS = Reader("elizaos", "an ElizaOS character", _is_eliza, _read_eliza)
TINYTROUPE = Reader("tinytroupe", "a TinyTroupe agent", _is_tiny, _read_tiny)
