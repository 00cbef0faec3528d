"""Problems of a persona's model: unknown, retired, too small, or refusing parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from urllib.parse import urlsplit

from personachat.authoring.linting import parameters
from personachat.authoring.linting.findings import Remark, Severity, Subject
from personachat.authoring.linting.fixes import Fix, left_out
from personachat.authoring.linting.retirements import deprecated, retirement
from personachat.personas.persona import STARTING_MODEL
from personachat.providers.base import ChatRequest
from personachat.providers.registry import ModelChoice
from personachat.settings import OPENAI

SOON_DAYS = 90
"""How many days before its end a model's retirement becomes a warning."""

FULL = 0.75
"""The share of the window that a prompt may take; more leaves too little for a conversation."""

GARBLED_TEMPERATURE = 1.5
THINKING_TOKENS = 1000
"""Tokens; a shorter reply may end before the thinking does."""

_MODEL = ("model",)
_MAKERS = ("openai.com", "anthropic.com")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A persona's model, the one that would answer, and the facts about it."""

    answering: ModelChoice | None
    """None if no model would; then `why_not` says why."""
    why_not: str = ""
    model_names: tuple[str, ...] | None = None
    """The provider's list; None if it hasn't answered."""
    default: bool = False
    """Whether it is the provider for names without a prefix."""
    learned: frozenset[str] = frozenset()
    """Keys of a persona that the model has refused."""
    window_tokens: int | None = None
    prompt_tokens: int = 0

    @property
    def own(self) -> ModelChoice | None:
        """The answer of exactly this model; None if another one answers instead."""
        return None if self.answering is None or self.answering.substituted else self.answering

    @property
    def is_makers(self) -> bool:
        """Whether the provider is the model's maker, whose documentation then applies.

        A server of one's own, or a gateway, may accept what the maker doesn't.
        """
        if self.own is None:
            return False
        host = urlsplit(self.own.provider.base_url or "").hostname or ""
        return self.own.provider.name == OPENAI or host.endswith(_MAKERS)

    @property
    def is_listed(self) -> bool:
        return self.own is not None and is_among(self.own.model, self.model_names or ())


def learned(answering: ModelChoice, model_names: Sequence[str]) -> frozenset[str]:
    """The persona's keys that the provider leaves out for this model, because the model refused them."""
    if answering.substituted or not is_among(answering.model, model_names):
        return frozenset()
    request = ChatRequest(answering.model, (), temperature=0.5, top_p=0.5, stop=(".",))
    body = answering.provider.body(request)
    keys = {"temperature": "temperature", "top_p": "topP", "stop": "stop"}
    return frozenset(key for name, key in keys.items() if name not in body)


def remarks(subject: Subject, facts: ModelFacts, *, today: date) -> Iterator[Remark]:
    """Everything about the model. A list that contains it is trusted more than a maker's date."""
    unknown = _unknown(subject.persona.model, facts)
    ends = _ending(subject.persona.model, facts, today)
    if unknown and (ends is None or ends.code != "model-retired"):
        yield unknown
    if ends:
        yield ends
    yield from _parameters(subject, facts)
    yield from _sizes(subject, facts)


def _unknown(model: str, facts: ModelFacts) -> Remark | None:
    if facts.answering is None:
        return Remark("model-unknown", "warning", facts.why_not, _MODEL) if facts.why_not else None
    if facts.own is None or facts.model_names is None or facts.is_listed:
        return None
    provider = facts.own.provider.name
    near = get_close_matches(facts.own.model, facts.model_names, n=1, cutoff=0.6)
    written = near[0] if near and facts.default else f"{provider}/{near[0]}" if near else ""
    advice = f"did you mean {written}?" if near else "choose one from its list."
    fix = Fix(f"Use {written}", _MODEL, written) if written else None
    severity: Severity = "info" if model == STARTING_MODEL else "warning"  # each new persona has it
    return Remark("model-unknown", severity, f"{provider} does not list {model}: {advice}", _MODEL, fix=fix)


def _ending(model: str, facts: ModelFacts, today: date) -> Remark | None:
    end = retirement(facts.own.model if facts.own else model)
    if end is None:
        if facts.own and deprecated(facts.own.provider.name, facts.own.model):
            message = f"{model} is marked as deprecated in the price list and may be removed soon."
            return Remark("model-retiring", "info", message, _MODEL)
        return None
    fix = _use_instead(model, end.instead)
    day = f"{end.on.day} {end.on:%B %Y}"
    instead = f" Use {end.instead} instead." if end.instead else ""
    if end.on <= today:
        if facts.is_listed:
            return None
        return Remark(
            "model-retired", "warning", f"{end.maker} retired {model} on {day}.{instead}", _MODEL, fix=fix
        )
    soon = (end.on - today).days <= SOON_DAYS
    message = f"{end.maker} retires {model} on {day}.{instead}"
    return Remark("model-retiring", "warning" if soon else "info", message, _MODEL, fix=fix)


def _use_instead(model: str, instead: str) -> Fix | None:
    """Use the model that the maker names, from the same provider."""
    if not instead:
        return None
    name = f"{model.rpartition('/')[0]}/{instead}" if "/" in model else instead
    return Fix(f"Use {name}", _MODEL, name)


def _parameters(subject: Subject, facts: ModelFacts) -> Iterator[Remark]:
    persona = subject.persona
    model = facts.own.model if facts.own else persona.model
    refused = (parameters.refused(model) if facts.is_makers else frozenset()) | facts.learned
    if persona.model == STARTING_MODEL:  # nobody chose it, and another model may answer tomorrow
        refused &= {"stop"}
    if "temperature" in refused:
        if subject.wrote("temperature") and persona.temperature != 1:
            message = (
                f"{model} does not support temperature: this value has no effect. Set it to 1 "
                "or leave it out."
            )
            path = ("temperature",)
            yield Remark("parameter-refused", "info", message, path, fix=Fix("Set it to 1", path, 1))
    elif facts.is_makers and persona.temperature > parameters.highest_temperature(model):
        most = parameters.highest_temperature(model)
        message = f"{model} accepts a temperature of at most {most:g}."
        fix = Fix(f"Set it to {most:g}", ("temperature",), int(most))
        yield Remark("parameter-refused", "warning", message, ("temperature",), fix=fix)
    elif persona.temperature > GARBLED_TEMPERATURE:
        message = f"Above {GARBLED_TEMPERATURE:g}, many models write nonsense: try a lower value."
        fix = Fix("Set it to 1", ("temperature",), 1)
        yield Remark("temperature-high", "info", message, ("temperature",), fix=fix)
    if persona.top_p is not None and "topP" in refused:
        message = f"{model} does not support topP: this value has no effect. Leave it out."
        yield Remark("parameter-refused", "info", message, ("topP",), fix=left_out(("topP",)))
    elif persona.top_p is not None and facts.is_makers and parameters.one_of_two(model):
        message = f"{model} accepts either temperature or topP, not both: leave this one out."
        yield Remark("parameter-refused", "warning", message, ("topP",), fix=left_out(("topP",)))
    if persona.stop and "stop" in refused:
        message = f"{model} does not support stop texts: replies continue past them."
        yield Remark("parameter-refused", "warning", message, ("stop",), fix=left_out(("stop",)))


def _sizes(subject: Subject, facts: ModelFacts) -> Iterator[Remark]:
    persona, window = subject.persona, facts.window_tokens
    model = facts.answering.model if facts.answering else persona.model
    if window:
        prompt = f"The prompt and the examples use about {facts.prompt_tokens:,} tokens"
        if facts.prompt_tokens >= window:
            message = f"{prompt}, more than {model}'s context window of {window:,}: shorten them."
            yield Remark("prompt-too-long", "warning", message, ("systemPrompt",))
        elif facts.prompt_tokens > window * FULL:
            message = (
                f"{prompt} of {model}'s context window of {window:,}: little is left for a conversation."
            )
            yield Remark("prompt-too-long", "warning", message, ("systemPrompt",))
        if persona.max_tokens >= window and not persona.context_tokens:
            message = (
                f"{model} has a context window of {window:,} tokens for prompt and reply together: "
                "choose a smaller maxTokens."
            )
            most = max(window // 4, 1)
            fix = Fix(f"Set it to {most:,}", ("maxTokens",), most)
            yield Remark("max-tokens-too-large", "warning", message, ("maxTokens",), fix=fix)
    if parameters.thinks(model) and persona.max_tokens < THINKING_TOKENS:
        message = (
            f"{model} thinks before it answers, and maxTokens includes the thinking: replies may be empty."
        )
        enough = 4 * THINKING_TOKENS
        fix = Fix(f"Set it to {enough:,}", ("maxTokens",), enough)
        yield Remark("max-tokens-too-small", "warning", message, ("maxTokens",), fix=fix)


def is_among(model: str, model_names: Sequence[str]) -> bool:
    """Whether a list has the model, or its name without the variant that gateways and Ollama allow."""
    names = {name.lower() for name in model_names}
    lower_name = model.lower()
    return (
        lower_name in names
        or f"{lower_name}:latest" in names
        or (":" in lower_name and lower_name.partition(":")[0] in names)
    )
