"""Writes a persona as a promptfoo configuration: its messages, its model and settings, its starters as tests.

promptfoo reads more than text into strings (templates, environment variables, files): what a persona says
is written so that it stays text. Source: promptfoo's documentation, "Prompts", "Chat threads", "Reference".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from personachat.jsontext.faults import excerpt
from personachat.messages import ChatMessage
from personachat.personas.formats.prompt_template import compiled, left_behind
from personachat.personas.formats.promptfoo_tests import is_harmless, is_plain
from personachat.personas.persona import Persona

ORIGIN = "promptfoo"
"""The extension that holds the tests of a configuration that was read."""

_PROVIDERS: Mapping[str, str] = {
    "openai": "openai:chat:",
    "anthropic": "anthropic:messages:",
    "openrouter": "openrouter:",
    "ollama": "ollama:chat:",
    "groq": "groq:",
    "mistral": "mistral:",
    "deepseek": "deepseek:",
    "google": "google:",
}
_OTHERS = "openai:chat:"
_MESSAGE = "{{message}}"
_SIGNS = {"user": "{{user_name}}", "date": "{{today}}", "time": "{{time}}", "weekday": "{{weekday}}"}

_TEMPLATE = re.compile(r"\{[{%#]|#\}")
_SIGN = re.compile(r"\{(?=[{%#]|\Z)|#(?=\})")
# JSON is YAML, except for characters that YAML does not print or takes for line breaks.
_NO_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def write_config(persona: Persona, *, user_name: str = "User", today: str) -> tuple[str, tuple[str, ...]]:
    """Return the YAML and, in sentences, what it cannot hold. `today` is the day the tests pretend."""
    messages = (
        *compiled(persona, signs=_SIGNS, literal=_literal),
        ChatMessage("user", _MESSAGE),
    )
    provider, losses = _provider(persona)
    own_tests = _kept_tests(persona)
    tests = [test for test in own_tests if is_harmless(test)]
    if len(tests) < len(own_tests):
        losses.append("Tests that run code, read files or fill in variables were left out.")
    if not own_tests:
        tests = [{"vars": {"message": starter}} for starter in persona.starters if is_plain(starter)]
    if any(not is_plain(starter) for starter in persona.starters):
        losses.append("Starters that promptfoo would read as a template or a file were left out.")
    if persona.context_tokens is not None or persona.summarize:
        losses.append("promptfoo asks one question at a time, so the limit on context is left out.")
    if persona.alternate_greetings:
        losses.append("Only the first greeting is part of the prompt.")
    losses += left_behind(persona, tool="promptfoo")
    name = _scalar(_literal(persona.name))
    prompt = _scalar([{"role": each.role, "content": each.content} for each in messages], indent=2)
    lines = [
        "# Save as promptfooconfig.yaml, then run: npx promptfoo@latest eval",
        f"description: {name}",
        "prompts:",
        f"  - label: {name}",
        "    raw: |-",
        *(f"      {line}" for line in prompt.split("\n")),
        "providers:",
        f"  - {_scalar(provider)}",
        "defaultTest:",
        f"  vars: {_scalar({'user_name': user_name, 'today': today} | _moment(prompt, today))}",
        "tests:",
        *(f"  - {_scalar(test)}" for test in tests or [{"vars": {"message": "Hello!"}}]),
    ]
    return "\n".join(lines) + "\n", tuple(losses)


def _kept_tests(persona: Persona) -> list[Any]:
    """The tests of the configuration that the persona came from."""
    origin = persona.extensions.get(ORIGIN)
    tests = origin.get("tests") if isinstance(origin, dict) else None
    return [test for test in tests if isinstance(test, dict)] if isinstance(tests, list) else []


def _moment(prompt: str, today: str) -> dict[str, str]:
    """The variables for the weekday and the time of day, where the prompt has them."""
    fixed = {"weekday": f"{date.fromisoformat(today):%A}", "time": "12:00"}
    return {name: value for name, value in fixed.items() if _SIGNS[name] in prompt}


def _provider(persona: Persona) -> tuple[dict[str, Any], list[str]]:
    losses: list[str] = []
    name, slash, model = persona.model.partition("/")
    if not slash:
        name, model = "openai", persona.model
    elif name not in _PROVIDERS:
        model = persona.model
        losses.append(
            f'promptfoo will ask OpenAI for the model "{excerpt(model)}". For another provider, set '
            "its address as apiBaseUrl in the config."
        )
    config: dict[str, Any] = {"temperature": persona.temperature, "max_tokens": persona.max_tokens}
    if persona.top_p is not None:
        config["top_p"] = persona.top_p
    stops = _plain(persona.stop)
    if len(stops) < len(persona.stop):
        losses.append("Stop texts that promptfoo would read as a template or a file were left out.")
    if stops:
        config["stop"] = stops
    return {"id": _literal(_PROVIDERS.get(name, _OTHERS) + model), "config": config}, losses


def _literal(text: str) -> str:
    """The text with every sign that opens or closes a piece of template as an expression that gives it."""
    return _SIGN.sub(lambda match: f"{{{{ '{match[0]}' }}}}", text)


def _plain(texts: Sequence[str]) -> list[str]:
    return [text for text in texts if is_plain(text)]


def _scalar(value: Any, *, indent: int | None = None) -> str:
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return _NO_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", written)
