"""A chat's own settings: model, parameters and manner of speaking.

They apply whichever persona answers. None means as in the persona. Nothing else of a persona changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from personachat.personas import limits
from personachat.personas.fields import FilledLine, Number, Text, WholeNumber
from personachat.personas.persona import Persona

TRAITS: Final = ("tone", "style", "formality")


class ChatSettings(BaseModel):
    """Existing settings are valid for every persona; JSON uses camelCase."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        hide_input_in_errors=True,
    )

    model: Annotated[
        FilledLine | None,
        Field(max_length=limits.MODEL, description="A model's name, or provider/model."),
    ] = None
    temperature: Annotated[Number | None, Field(ge=0, le=limits.TEMPERATURE)] = None
    top_p: Annotated[Number | None, Field(ge=0, le=1, description="Nucleus sampling.")] = None
    max_tokens: Annotated[
        WholeNumber | None,
        Field(ge=1, le=limits.REPLY_TOKENS, description="The maximum length of a reply, in tokens."),
    ] = None
    tone: Annotated[Text | None, Field(max_length=limits.TRAIT)] = None
    style: Annotated[Text | None, Field(max_length=limits.TRAIT)] = None
    formality: Annotated[Text | None, Field(max_length=limits.TRAIT)] = None

    def __bool__(self) -> bool:
        """Whether anything is set."""
        return bool(self.as_record())

    def as_record(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


AS_IN_THE_PERSONA: Final = ChatSettings()


def stored_settings(record: Mapping[str, Any]) -> ChatSettings:
    """The settings that were stored with a conversation. Raises ValueError if they aren't valid."""
    return ChatSettings.model_validate(record) if record else AS_IN_THE_PERSONA


def with_settings(persona: Persona, settings: ChatSettings) -> Persona:
    """The persona as it answers in a chat with these settings."""
    values = settings.as_record()
    traits: dict[str, Any] = {name: values.pop(name) for name in TRAITS if name in values}
    if traits:
        values["personality"] = persona.personality.model_copy(update=traits)
    return persona.model_copy(update=values) if values else persona


def settings_between(persona: Persona, other: Persona) -> ChatSettings:
    """The settings with which `persona` answers like `other`, as far as settings can."""
    changed = {
        name: value
        for name in ("model", "temperature", "top_p", "max_tokens")
        if (value := getattr(other, name)) != getattr(persona, name)
    }
    changed |= {
        name: value
        for name in TRAITS
        if (value := getattr(other.personality, name)) != getattr(persona.personality, name)
    }
    return ChatSettings(**changed)
