"""The one door out: writes personas in every format, and says what each cannot hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from personachat.interchange import cards, charx, open_webui, promptfoo
from personachat.interchange.bundles import write_bundle
from personachat.interchange.card_fields import CardVersion
from personachat.interchange.cover import cover
from personachat.interchange.formats import FORMATS, MOST_PERSONAS, Departure, Format, FormatFacts
from personachat.interchange.png import write_png_card
from personachat.interchange.programs import librechat, markdown, ollama
from personachat.persona import Persona
from personachat.store.base import StoredPersona

__all__ = ["FORMATS", "Departure", "Format", "FormatFacts", "leave", "leave_together"]


def leave(stored: StoredPersona, kind: Format) -> Departure:
    """One persona as a file."""
    if kind == "bundle":
        return leave_together((stored,), {})
    content, losses = _written(stored, kind)
    facts = FORMATS[kind]
    return Departure(f"{stored.id}{facts.ending}", facts.media_type, content, losses)


def leave_together(stored: Sequence[StoredPersona], ancestors: Mapping[str, Sequence[str]]) -> Departure:
    """These personas as one bundle; `ancestors` are the etags of earlier versions by id, newest first."""
    facts = FORMATS["bundle"]
    losses = []
    if len(stored) > MOST_PERSONAS:
        losses.append(
            f"The bundle holds {len(stored):,} personas; one import takes {MOST_PERSONAS:,} at most. "
            "Export fewer at a time to import them again."
        )
    content = write_bundle(stored, ancestors, exported_at=datetime.now(UTC))
    return Departure(f"personas{facts.ending}", facts.media_type, content, tuple(losses))


_Written: TypeAlias = tuple[bytes, tuple[str, ...]]


def _written(stored: StoredPersona, kind: Format) -> _Written:
    writer = _WRITERS.get(kind)
    return writer(stored.persona) if writer else (stored.text.encode(), ())


def _card(version: CardVersion) -> Callable[[Persona], _Written]:
    def write(persona: Persona) -> _Written:
        card, losses = cards.write_card(persona, version=version)
        return _json(card).encode(), losses

    return write


def _text(write: Callable[[Persona], tuple[str, tuple[str, ...]]]) -> Callable[[Persona], _Written]:
    def encoded(persona: Persona) -> _Written:
        text, losses = write(persona)
        return text.encode(), losses

    return encoded


def _open_webui(persona: Persona) -> tuple[str, tuple[str, ...]]:
    models, losses = open_webui.write_models(persona)
    return _json(models), losses


def _promptfoo(persona: Persona) -> tuple[str, tuple[str, ...]]:
    today = date.today().isoformat()  # noqa: DTZ011  # the server's own day, as in a chat
    return promptfoo.write_config(persona, today=today)


def _png(persona: Persona) -> tuple[bytes, tuple[str, ...]]:
    older, _ = cards.write_card(persona, version=2)
    card, losses = cards.write_card(persona, version=3)
    return write_png_card(cover(persona), v2_text=_json(older), v3_text=_json(card)), losses


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_WRITERS: Mapping[Format, Callable[[Persona], _Written]] = {
    "card-v1": _card(1),
    "card-v2": _card(2),
    "card-v3": _card(3),
    "card-png": _png,
    "charx": charx.write_charx,
    "open-webui": _text(_open_webui),
    "promptfoo": _text(_promptfoo),
    "markdown": _text(markdown.write_agent),
    "modelfile": _text(ollama.write_modelfile),
    "text": _text(markdown.write_text),
    "librechat": _text(librechat.write_config),
}
"""What a bundle's file and our own JSON hold is the stored text."""
