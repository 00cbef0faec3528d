"""Setups in an address: a `variant=` for each, e.g. `tutor;model=gpt-6;temperature=0.7`. Pure.

A draft's text is never in an address, only the fact that there is one.
"""

from __future__ import annotations

import math
from urllib.parse import quote, unquote

from personachat.lab.comparisons.model import MOST_SAMPLES, TRAITS, Setup
from personachat.personas.limits import TRAIT

DRAFT = "draft"
MOST_CHARACTERS = 12_000


def link_of(setup: Setup) -> str:
    parts = [_quoted(setup.persona_id)]
    if setup.text is not None:
        parts.append(DRAFT)
    elif setup.revision is not None:
        parts.append(f"revision={setup.revision}")
    if setup.model:
        parts.append(f"model={_quoted(setup.model)}")
    numbers = {name: getattr(setup, name) for name in ("temperature", "top_p", "max_tokens")}
    parts += [f"{name}={value:.10g}" for name, value in numbers.items() if value is not None]
    traits = {name: getattr(setup, name) for name in TRAITS}
    parts += [f"{name}={_quoted(value)}" for name, value in traits.items() if value is not None]
    if setup.samples != 1:
        parts.append(f"samples={setup.samples}")
    return ";".join(parts)


def setup_of(link: str) -> Setup:
    """The setups in a link; invalid parts are ignored. A draft has the text ""."""
    persona_id, *parts = link[:MOST_CHARACTERS].split(";")
    values = dict(part.partition("=")[::2] for part in parts)
    return Setup(
        persona_id=unquote(persona_id)[:200],
        revision=_whole(values.get("revision"), most=1_000_000),
        text="" if DRAFT in values else None,
        model=unquote(values.get("model", ""))[:200],
        temperature=_number(values.get("temperature"), most=2),
        top_p=_number(values.get("top_p"), most=1),
        max_tokens=_whole(values.get("max_tokens"), most=1_000_000),
        **{name: unquote(values[name])[:TRAIT] for name in TRAITS if name in values},
        samples=_whole(values.get("samples"), most=MOST_SAMPLES) or 1,
    )


def _quoted(words: str) -> str:
    return quote(words, safe="/:@ ")


def _whole(text: str | None, *, most: int) -> int | None:
    if text is None or not text.isascii() or not text.isdecimal():
        return None
    number = int(text[:9])
    return number if 1 <= number <= most else None


def _number(text: str | None, *, most: float) -> float | None:
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None
