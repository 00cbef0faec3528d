"""From requested setups to variants: each persona as it will answer, every sample of it, and its name.

A name says what distinguishes a variant from the others, and at least the persona's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from personachat.accounts.persona_rights import PersonaRights
from personachat.errors import ComparisonInvalid
from personachat.lab.comparisons.model import MOST_SAMPLES, MOST_VARIANTS, TRAITS, Setup, Variant
from personachat.personas.limits import TRAIT
from personachat.personas.persona import Persona, dump_persona, parse_persona
from personachat.personas.store.base import PersonaSource, Revisions
from personachat.personas.store.persona_file import etag_of
from personachat.stamps import new_id

_PARAMETERS = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max tokens"}


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What answers; two are equal if nobody could tell their replies apart."""

    setup: Setup = field(compare=False)
    persona: Persona = field(compare=False)
    etag: str
    """The version it was made from, for the ledger and the history."""
    text: str
    version: str


def variants_of(setups: Sequence[Setup], personas: PersonaSource, revisions: Revisions) -> list[Variant]:
    """The variants, one per sample; equal setups are samples of the same.

    Raises ComparisonInvalid, PersonaNotFound, PersonaBroken, PersonaInvalid, RevisionNotFound.
    """
    if any(not 1 <= each.samples <= MOST_SAMPLES for each in setups):
        raise ComparisonInvalid(f"A variant can have 1 to {MOST_SAMPLES} samples.")
    count = sum(each.samples for each in setups)
    if not 2 <= count <= MOST_VARIANTS:
        raise ComparisonInvalid(
            f"A comparison needs 2 to {MOST_VARIANTS} variants, and this one has {count}.",
            hint="Add another persona, model, temperature or sample." if count < 2 else "Remove some.",
        )
    resolved = [_resolved(each, personas, revisions) for each in setups]
    totals = Counter[_Resolved]()
    for each in resolved:
        totals[each] += each.setup.samples
    groups, names = list(totals), _names(list(totals))
    numbers = Counter[_Resolved]()
    variants: list[Variant] = []
    for each in resolved:
        group = groups.index(each)
        for _ in range(each.setup.samples):
            numbers[each] += 1
            name = f"{names[group]} · sample {numbers[each]}" if totals[each] > 1 else names[group]
            variants.append(
                Variant(
                    id=new_id(),
                    number=len(variants),
                    group=group,
                    name=name,
                    persona_id=each.persona.id,
                    etag=each.etag,
                    text=each.text,
                    model=each.persona.model,
                    setup=_as_record(each.setup),
                )
            )
    return variants


def group_name(variant: Variant) -> str:
    """The name of all samples of a setup."""
    return variant.name.partition(" · sample ")[0]


def _resolved(setup: Setup, personas: PersonaSource, revisions: Revisions) -> _Resolved:
    if setup.text is not None:
        base, etag = parse_persona(setup.text), etag_of(setup.text.encode())
    elif setup.revision is not None:
        revision = revisions.get(setup.persona_id, setup.revision)
        base, etag = parse_persona(revision.text), revision.etag
    else:
        entry = personas.get(setup.persona_id)
        base, etag = entry.persona, entry.etag
    changes: dict[str, Any] = {
        name: getattr(setup, name) for name in _PARAMETERS if getattr(setup, name) is not None
    }
    traits = {name: value for name in TRAITS if (value := getattr(setup, name)) is not None}
    if traits:
        changes["personality"] = base.personality.model_dump() | traits
    if setup.model.strip():
        changes["model"] = setup.model.strip()
    try:
        persona = Persona.model_validate(base.model_dump() | changes)
    except ValueError as error:
        raise ComparisonInvalid(
            "The model or a parameter of a variant is not valid.",
            hint=(
                "Temperature must be 0 to 2, top p 0 to 1, and max tokens a whole number from 1. "
                f"A trait can have at most {TRAIT:,} characters."
            ),
        ) from error
    version = "draft" if setup.text is not None else ""
    if setup.revision is not None and not version:
        version = f"revision {setup.revision}"
    return _Resolved(setup, persona, etag, dump_persona(persona), version)


def _names(resolved: Sequence[_Resolved]) -> list[str]:
    """One name for each, no two the same."""
    parts = [_parts(each) for each in resolved]
    telling = [key for key in parts[0] if len({each[key] for each in parts}) > 1]
    always = {"name", "id", "version"}
    choices = {key for key in telling if key in always or any(_chooses(each, key) for each in resolved)}
    if len({tuple(each[key] for key in telling if key in choices) for each in parts}) == len(parts):
        telling = [key for key in telling if key in choices]  # the rest is as in the persona
    if len({(each["id"], each["name"]) for each in parts}) == len({each["name"] for each in parts}):
        telling = [key for key in telling if key != "id"]
    names = [
        " · ".join([each.persona.name, *(part[key] for key in telling if key != "name" and part[key])])[:250]
        for each, part in zip(resolved, parts, strict=True)
    ]
    seen: dict[str, int] = {}
    unique: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if names.count(name) == 1 else f"{name} ({seen[name]})")
    return unique


def _chooses(each: _Resolved, key: str) -> bool:
    """Whether it was requested, and isn't just the persona's own value."""
    return getattr(each.setup, key) not in {None, ""}


def _parts(each: _Resolved) -> dict[str, str]:
    persona = each.persona
    return {
        "name": persona.name,
        "id": persona.id,
        "version": each.version,
        "model": persona.model,
        **{
            name: "" if (value := getattr(persona, name)) is None else f"{sentence} {value:g}"
            for name, sentence in _PARAMETERS.items()
        },
        **{name: _trait(name, getattr(persona.personality, name)) for name in TRAITS},
    }


def _trait(name: str, words: str) -> str:
    """The part of a variant's name about a trait."""
    line = " ".join(words.split())
    return f"{name} {line[:40]}{'…' if len(line) > 40 else ''}" if line else ""


def _as_record(setup: Setup) -> dict[str, Any]:
    """Without a draft's text, which the variant has."""
    values = {name: value for name, value in asdict(setup).items() if name != "text" and value is not None}
    return values | ({"draft": True} if setup.text is not None else {})


def refuse_lost(variants: Sequence[Variant], rights: PersonaRights | None) -> None:
    """Raises PersonaNotFound if they may no longer use the persona, although its text is stored here."""
    if rights is not None:
        for variant in variants:
            rights.refuse_unless("use", variant.persona_id)
