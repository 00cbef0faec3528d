"""A suite as a value, and its JSON Schema. What a suite's text may hold is decided here alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

import re2
from jsonschema import SchemaError
from jsonschema.validators import validator_for
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from personachat.personas.fields import ID_PATTERN

MOST_CASES = 500
MOST_CHECKS = 50
MOST_TURNS = 200
MOST_SAID_CHARACTERS = 100_000
MOST_REPEATS = 100
USUAL_REPEATS = 3

Words = Annotated[str, StringConstraints(min_length=1, max_length=8_000)]
Message = Annotated[str, StringConstraints(min_length=1, max_length=MOST_SAID_CHARACTERS, pattern=r"\S")]
Phrases = Words | Annotated[tuple[Words, ...], Field(min_length=1, max_length=200)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Question = Annotated[str, StringConstraints(min_length=3, max_length=2_000, pattern=r"\S")]


Limit = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Range(_Part):
    """From `at_least` to `at_most`, both inclusive."""

    at_least: Limit | SkipJsonSchema[None] = None
    at_most: Limit | SkipJsonSchema[None] = None

    @model_validator(mode="after")
    def _some_numbers(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("needs at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("has an at_least that is larger than its at_most")
        return self


Count = Annotated[int, Field(ge=0)] | Range
"""A number means exactly that many."""


class JudgeQuestion(_Part):
    """A question with the answer that passes."""

    question: Question
    expect: bool = True


class OwnCheck(_Part):
    """A check that an installed package brings; see the entry point `personachat.checks`."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    options: dict[str, Any] = Field(default_factory=dict)


class Check(_Part):
    """Exactly one of these. Texts are compared without regard to case."""

    contains: Phrases | SkipJsonSchema[None] = Field(None, description="All of these are in the reply.")
    not_contains: Phrases | SkipJsonSchema[None] = Field(None, description="None of these is in the reply.")
    matches: Pattern | SkipJsonSchema[None] = Field(
        None, description="A regular expression (RE2) is found in the reply."
    )
    not_matches: Pattern | SkipJsonSchema[None] = Field(None, description="A regular expression isn't found.")
    begins: Phrases | SkipJsonSchema[None] = Field(None, description="The reply begins with one of these.")
    ends: Phrases | SkipJsonSchema[None] = Field(None, description="The reply ends with one of these.")
    words: Count | SkipJsonSchema[None] = Field(None, description="How many words it has.")
    sentences: Count | SkipJsonSchema[None] = Field(None, description="How many sentences it has.")
    questions: Count | SkipJsonSchema[None] = Field(None, description="How many questions it asks.")
    language: Language | SkipJsonSchema[None] = Field(
        None, description="The language it is in, as an ISO 639 code such as en, de or ja."
    )
    json_: bool | dict[str, Any] | SkipJsonSchema[None] = Field(
        None, alias="json", description="Whether it is JSON, or the JSON Schema that it follows."
    )
    markdown: bool | SkipJsonSchema[None] = Field(None, description="Whether it uses Markdown.")
    emoji: bool | Count | SkipJsonSchema[None] = Field(
        None, description="Whether, or how many, emoji it has."
    )
    refuses: bool | SkipJsonSchema[None] = Field(None, description="Whether it refuses to do what was asked.")
    not_refuses: bool | SkipJsonSchema[None] = Field(None, description="The opposite of refuses.")
    banned: bool | Phrases | SkipJsonSchema[None] = Field(
        None, description='None of the usual empty phrases, such as "as an AI", or of these.'
    )
    stays_in_role: bool | SkipJsonSchema[None] = Field(
        None, description="It doesn't say that it is a model, or speak of its instructions."
    )
    no_prompt_leak: bool | Annotated[int, Field(ge=3, le=200)] | SkipJsonSchema[None] = Field(
        None, description="It repeats no 8 words in a row (or this many) from the system prompt."
    )
    tokens: Count | SkipJsonSchema[None] = Field(None, description="How many tokens the reply has.")
    seconds: Range | SkipJsonSchema[None] = Field(None, description="How long the reply took.")
    cost: Range | SkipJsonSchema[None] = Field(None, description="What the reply cost, in US dollars.")
    judge: Question | JudgeQuestion | SkipJsonSchema[None] = Field(
        None, description="A yes-or-no question about the reply for a model to answer; yes passes."
    )
    own: OwnCheck | SkipJsonSchema[None] = Field(None, description="A check from an installed package.")

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"minProperties": 1, "maxProperties": 1},
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("must have exactly one key; write each check as an entry of its own")
        if self.expected is None:
            raise ValueError(f'needs a value after "{self.kind}"')
        _check_runnable(self.kind, self.expected)
        return self

    @property
    def kind(self) -> str:
        """Its name as in a suite."""
        return next(iter(self.model_fields_set)).rstrip("_")

    @property
    def expected(self) -> Any:
        """What stands after the name."""
        return getattr(self, next(iter(self.model_fields_set)))


class CaseTurn(_Part):
    """One turn before the reply; exactly one of the two."""

    user: Message | SkipJsonSchema[None] = None
    assistant: Message | SkipJsonSchema[None] = None

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"minProperties": 1, "maxProperties": 1},
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.user is None) == (self.assistant is None):
            raise ValueError("must have one key: user or assistant")
        return self

    @property
    def words(self) -> str:
        return self.user or self.assistant or ""


class Case(_Part):
    """What is said to the persona, and what its reply has to be like."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
    say: Message | SkipJsonSchema[None] = Field(None, description="What the person says.")
    turns: Annotated[tuple[CaseTurn, ...], Field(max_length=MOST_TURNS)] = Field(
        (), description="What was said before. Without say, the last one is the person's."
    )
    check: Annotated[tuple[Check, ...], Field(min_length=1, max_length=MOST_CHECKS)]
    reference: Annotated[str, StringConstraints(max_length=100_000)] = Field(
        "", description="A reply to compare with, for readers and for the judge."
    )
    variables: dict[str, str] = Field(
        default_factory=dict, max_length=100, description="Values for the persona's variables."
    )
    repeat: Annotated[int, Field(ge=1, le=MOST_REPEATS)] | SkipJsonSchema[None] = Field(
        None, description="How often this case is run, if not as often as the others."
    )

    @model_validator(mode="after")
    def _ends_with_the_person(self) -> Self:
        if self.say is None and not (self.turns and self.turns[-1].user):
            raise ValueError("has nothing to reply to; add say, or end turns with a user's")
        return self

    @property
    def all_turns(self) -> tuple[CaseTurn, ...]:
        """All that was said, ending with the person."""
        return (*self.turns, CaseTurn(user=self.say)) if self.say else self.turns


class Suite(_Part):
    """A persona's cases."""

    persona: Annotated[str, StringConstraints(pattern=ID_PATTERN)]
    repeat: Annotated[int, Field(ge=1, le=MOST_REPEATS)] = Field(
        USUAL_REPEATS, description="How often each case is run."
    )
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=MOST_CASES)]

    @model_validator(mode="after")
    def _own_names(self) -> Self:
        seen: set[str] = set()
        for case in self.cases:
            if case.name in seen:
                raise ValueError(f'has two cases named "{case.name[:60]}"')
            seen.add(case.name)
        return self

    def repeats(self, case: Case, override: int | None = None) -> int:
        """How often a case is run, if `override` doesn't say."""
        return override or case.repeat or self.repeat

    @property
    def judged(self) -> Iterator[JudgeQuestion]:
        """Every question that a judge has to answer."""
        for case in self.cases:
            for check in case.check:
                if check.kind == "judge":
                    yield question_of(check)


def question_of(check: Check) -> JudgeQuestion:
    """The question of a judge's check."""
    value = check.expected
    return value if isinstance(value, JudgeQuestion) else JudgeQuestion(question=str(value))


def suite_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a suite."""
    schema = Suite.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "PersonaChat test suite",
    }


def compiled_pattern(source: str) -> Any:
    """A regular expression as RE2 takes it: its time is linear in the text. Raises ValueError."""
    options = re2.Options()
    options.max_mem = 1024 * 1024
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        raise ValueError(f"isn't a valid RE2 regular expression: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _check_runnable(kind: str, value: Any) -> None:
    if kind in {"matches", "not_matches"}:
        compiled_pattern(value)
    elif kind == "json" and isinstance(value, dict):
        try:
            validator_for(value).check_schema(value)
        except SchemaError as error:
            raise ValueError(f"isn't a JSON Schema: {error.message[:200]}") from None
    elif kind == "banned" and value is False:
        raise ValueError("can be true or phrases; leave it out to allow them")
