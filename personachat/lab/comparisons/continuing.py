"""Continuing a column as a chat: the saved version most like its persona, and the chat's settings.

A chat is answered by the newest version of a persona, by a labelled one, or by one exact revision. The chat's
own settings replace the column's model, parameters and traits. Remaining differences, such as the prompt of a
draft, are reported.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from personachat.accounts.permitted_personas import PermittedLabels
from personachat.errors import PersonaChatError
from personachat.lab.comparisons.model import TRAITS, Variant
from personachat.personas.chat_settings import (
    AS_IN_THE_PERSONA,
    ChatSettings,
    settings_between,
    with_settings,
)
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.store.base import PersonaSource, Revisions


@dataclass(frozen=True, slots=True)
class Continued:
    """`persona` is the address of the one that continues; `differs` is empty if it equals the column's.

    `settings` are those of the chat.
    """

    conversation_id: str
    persona: str
    settings: ChatSettings
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhoGoesOn:
    address: str
    settings: ChatSettings
    differs: tuple[str, ...]


def who_goes_on(
    variant: Variant,
    personas: PersonaSource,
    labels: PermittedLabels | None,
    revisions: Revisions,
) -> WhoGoesOn:
    """The saved version most like the variant, its settings, and the remaining differences.

    Of equal ones it prefers one that needs no settings, then the newest version, then a labelled one, then
    the revision by its number.
    """
    answered = parse_persona(variant.text)
    best: WhoGoesOn | None = None
    for address in (
        variant.persona_id,
        *_labelled(variant.persona_id, labels),
        *_numbered(variant, revisions),
    ):
        try:
            saved = personas.get(address).persona
        except PersonaChatError:
            continue
        settings = settings_between(saved, answered)
        differs = differences(answered, with_settings(saved, settings))
        candidate = WhoGoesOn(address, settings, differs)
        if best is None or _lacks(candidate) < _lacks(best):
            best = candidate
    no_persona = ("the persona, which no longer exists",)
    return best or WhoGoesOn(variant.persona_id, AS_IN_THE_PERSONA, no_persona)


def _lacks(candidate: WhoGoesOn) -> tuple[int, int]:
    return len(candidate.differs), len(candidate.settings.as_record())


def _labelled(persona_id: str, labels: PermittedLabels | None) -> list[str]:
    with suppress(PersonaChatError):
        return [f"{persona_id}@{each.label}" for each in labels.of(persona_id)] if labels else []
    return []


def _numbered(variant: Variant, revisions: Revisions) -> list[str]:
    spoken = (variant.persona_id, variant.etag)
    with suppress(PersonaChatError):
        numbers = revisions.numbers(frozenset({spoken}))
        return [f"{variant.persona_id}@{numbers[spoken]}"] if spoken in numbers else []
    return []


def differences(answered: Persona, saved: Persona) -> tuple[str, ...]:
    """What the persona that answered had and the saved one doesn't, as parts of a sentence."""
    sentences: list[str] = []
    if answered.model != saved.model:
        sentences.append(f"the model {answered.model or 'of the server'}")
    for name, words in (("temperature", "temperature"), ("top_p", "top p"), ("max_tokens", "max tokens")):
        value = getattr(answered, name)
        if value != getattr(saved, name):
            sentences.append(f"{words} {'unset' if value is None else f'{value:g}'}")
    sentences += [
        f"another {name}"
        for name in TRAITS
        if getattr(answered.personality, name) != getattr(saved.personality, name)
    ]
    if answered.system_prompt != saved.system_prompt:
        sentences.append("another prompt")
    compared_fields = {
        "id",
        "name",
        "model",
        "temperature",
        "top_p",
        "max_tokens",
        "personality",
        "system_prompt",
    }
    if answered.model_dump(exclude=compared_fields) != saved.model_dump(exclude=compared_fields):
        sentences.append("other details")
    return tuple(sentences)
