"""The linter: finds likely problems in a valid persona. It waits for nothing and never raises.

The findings of a text are cached until something they depend on changes: the day, the provider's list, and
what its model has refused.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from personachat.authoring.linting import models, own_parameters, placeholders, repetitions, traits
from personachat.authoring.linting.findings import Finding, Remark, Subject
from personachat.authoring.linting.models import ModelFacts
from personachat.errors import ModelNotFound, PersonaInvalid, ProviderError
from personachat.jsontext.reader import read_json
from personachat.messages import Usage
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.prompt import compile_prompt
from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ModelChoice, ProviderRegistry
from personachat.replies.context import message_tokens
from personachat.replies.request import window_tokens
from personachat.usage import pricing

REMEMBERED = 64
"""How many texts' findings are cached."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one message takes at the start of a conversation: estimated, and at most."""

    prompt_tokens: int
    reply_tokens_most: int
    window_tokens: int | None
    cost_usd_most: float | None
    """At today's list price; None if it isn't known, as with a model of one's own."""


class Linter:
    """`today` returns the day that retirements are compared with."""

    def __init__(
        self,
        providers: ProviderRegistry,
        model_names: ModelNames,
        *,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._providers = providers
        self._model_names = model_names
        self._today = today
        self._lock = threading.Lock()
        self._findings: OrderedDict[object, tuple[Finding, ...]] = OrderedDict()

    def lint(self, text: str) -> tuple[Finding, ...]:
        """The findings of a valid persona's text, in the order of the text; none if it isn't valid."""
        try:
            persona = parse_persona(text)
        except PersonaInvalid:
            return ()
        today, facts = self._today(), self._facts_about_model(persona)
        key = (text, today, facts)
        with self._lock:
            if key in self._findings:
                self._findings.move_to_end(key)
                return self._findings[key]
        subject = Subject(persona, read_json(text))
        findings = subject.placed(_remarks(subject, facts, today))
        with self._lock:
            self._findings[key] = findings
            while len(self._findings) > REMEMBERED:
                self._findings.popitem(last=False)
        return findings

    def estimate(self, persona: Persona) -> Estimate:
        """What a message to this persona takes and costs at most, with the model that would answer."""
        answering, _ = self._resolved(persona)
        prompt = _prompt_tokens(persona, self._today())
        window = window_tokens(persona, answering) if answering else None
        reply = min(persona.max_tokens, max(window - prompt, 0)) if window else persona.max_tokens
        cost = None
        if answering:
            cost = pricing.cost_usd(answering.provider.name, answering.model, Usage(prompt, reply))
        return Estimate(prompt, reply, window, cost)

    def _facts_about_model(self, persona: Persona) -> ModelFacts:
        answering, why_not = self._resolved(persona)
        prompt = _prompt_tokens(persona, self._today())
        if answering is None:
            return ModelFacts(None, why_not, prompt_tokens=prompt)
        provider = answering.provider.name
        model_names = self._model_names.names_of(provider)
        return ModelFacts(
            answering,
            model_names=model_names,
            default=provider == self._providers.default_name,
            learned=models.learned(answering, model_names or ()),
            window_tokens=window_tokens(persona, answering),
            prompt_tokens=prompt,
        )

    def _resolved(self, persona: Persona) -> tuple[ModelChoice | None, str]:
        """The model that would answer; or why there is none. A missing key is no fault of the persona."""
        try:
            return self._providers.resolve(persona.model), ""
        except ModelNotFound as error:
            return None, f"{error} {error.hint}".strip()
        except ProviderError:
            return None, ""


def _remarks(subject: Subject, facts: ModelFacts, today: date) -> Iterator[Remark]:
    yield from models.remarks(subject, facts, today=today)
    yield from placeholders.remarks(subject)
    yield from traits.remarks(subject)
    yield from repetitions.remarks(subject)
    yield from own_parameters.remarks(subject)


def _prompt_tokens(persona: Persona, today: date) -> int:
    return sum(map(message_tokens, compile_prompt(persona, (), today=today).messages))
