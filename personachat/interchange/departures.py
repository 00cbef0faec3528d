"""The one door out: writes personas in every format, and says what each cannot hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from personachat.interchange import cards, charx, open_webui, promptfoo
from personachat.interchange.bundles import write_bundle
from personachat.interchange.card_fields import CardVersion
from personachat.interchange.cover import cover
from personachat.interchange.formats import FORMATS, MOST_PERSONAS, Departure, Format, FormatFacts
from personachat.interchange.png import write_png_card
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


def _written(stored: StoredPersona, kind: Format) -> tuple[bytes, tuple[str, ...]]:
    persona = stored.persona
    match kind:
        case "card-v1" | "card-v2" | "card-v3":
            card, losses = cards.write_card(persona, version=_VERSIONS[kind])
            return _json(card).encode(), losses
        case "card-png":
            return _png(persona)
        case "charx":
            return charx.write_charx(persona)
        case "open-webui":
            models, losses = open_webui.write_models(persona)
            return _json(models).encode(), losses
        case "promptfoo":
            today = date.today().isoformat()  # noqa: DTZ011  # the server's own day, as in a chat
            text, losses = promptfoo.write_config(persona, today=today)
            return text.encode(), losses
        case _:
            return stored.text.encode(), ()


_VERSIONS: Mapping[str, CardVersion] = {"card-v1": 1, "card-v2": 2, "card-v3": 3}


def _png(persona: Persona) -> tuple[bytes, tuple[str, ...]]:
    older, _ = cards.write_card(persona, version=2)
    card, losses = cards.write_card(persona, version=3)
    return write_png_card(cover(persona), v2_text=_json(older), v3_text=_json(card)), losses


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
