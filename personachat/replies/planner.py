"""From a persona and a path to the events of a reply: which model is asked what, and which stands in.

Nothing is sent before the events are iterated, on the engine's loop. Whenever fewer turns are sent than there
are, the reply or one of its events says from which depth on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from personachat.conversations.model import Reply, SentRequest, Turn
from personachat.errors import ProviderError
from personachat.messages import Failed, Noticed, ReplyEvent, Started, Usage, UsageReported
from personachat.personas.persona import Persona
from personachat.personas.prompt import with_inserted
from personachat.providers.base import ChatRequest
from personachat.providers.openai.request import Adaptation, body_as_sent
from personachat.providers.registry import ModelChoice, ProviderRegistry
from personachat.replies.context import ContextUse, FittedContext, PathWords, summary_message
from personachat.replies.continuation import continuing, seamless
from personachat.replies.engine import DELAYS_OF_A_STAND_IN, RETRY_DELAYS_SECONDS, ReplyLimits, reply
from personachat.replies.request import PlannedRequest, fit, parameters, planned_request, window_tokens
from personachat.replies.request_code import RequestBody
from personachat.replies.sent_lore import as_parameters, inserted_of, lore_of, told_keys
from personachat.replies.stand_in import with_stand_in
from personachat.replies.summaries import Summaries
from personachat.usage import pricing
from personachat.usage.model import CallRecorder, Origin


class Events(Protocol):
    def __call__(self, text: str, *, origin: Origin | None = None) -> AsyncGenerator[ReplyEvent]:
        """Start the reply, or request the rest of one that already has this text.

        Further calls that this needs are counted for `origin`.
        """


@dataclass(frozen=True, slots=True)
class ReplyPlan:
    """A reply that has not started. `request` is None if no model can answer."""

    first: Reply
    request: SentRequest | None
    events: Events
    model_asked: str
    """As the persona or the caller names it."""
    prompt_tokens: int | None = None
    """Estimated tokens of the request."""
    most_tokens: int | None = None
    """The most tokens the reply may have."""


class ReplyPlanner:
    """Plans replies over these providers, within these limits. Safe for threads."""

    def __init__(
        self, providers: ProviderRegistry, *, limits: ReplyLimits, calls: CallRecorder | None = None
    ) -> None:
        self._providers = providers
        self._limits = limits
        self._summaries = Summaries(limits=limits, calls=calls)

    def plan(
        self, persona: Persona, path: Sequence[Turn], *, offline: bool = False, model: str | None = None
    ) -> ReplyPlan:
        """Decide who answers the path's last turn, and how to start.

        `offline` requests the embedded model whatever the persona names, and `model` another one than it
        names. If no model can answer, the events are one Failed that says why.
        """
        asked_for = model or persona.model
        try:
            answering = self._providers.resolve(asked_for, offline=offline)
        except ProviderError as error:
            return ReplyPlan(Reply(model=asked_for), None, partial(_only, Failed.of(error)), asked_for)
        planned = planned_request(persona, path, answering)
        first = Reply(provider=answering.provider.name, model=answering.model, reason=answering.reason)
        if planned.to_sum_up is None:
            first = replace(first, memory_from=planned.context.memory_from, summary=planned.context.summary)
        request = SentRequest(
            planned.own.messages,
            parameters(persona) | {"model": answering.model} | as_parameters(planned.own),
        )
        events = partial(self._events, planned, path)
        return ReplyPlan(
            first, request, events, asked_for, planned.context.prompt_tokens, most_tokens=persona.max_tokens
        )

    def preview(self, persona: Persona, path: Sequence[Turn], *, offline: bool = False) -> RequestBody:
        """What would be sent for the path's last turn. Raises ProviderError if no model can answer."""
        answering = self._providers.resolve(persona.model, offline=offline)
        planned = planned_request(persona, path, answering)
        body = self._body(answering.provider.name, planned.request(planned.summed_up()))
        return replace(body, lore=told_keys(planned.own))

    def sent_request(
        self, turn: Turn, path_above: Sequence[Turn], request: SentRequest, *, start: Started | None = None
    ) -> RequestBody:
        """What was sent for a reply: the persona's part at that time, and the path down to the reply.

        `start` is the event with which the model accepted the request. Without it, the result is what would
        be sent today.
        """
        answered = turn.reply or Reply()
        messages = list(request.messages)
        if answered.summary:
            messages.append(summary_message(answered.summary))
        memory_from = answered.memory_from or 0
        parameters = request.parameters
        turns = PathWords.of(path_above).below(memory_from)
        messages += [message for message, _ in with_inserted(turns.messages, inserted_of(parameters))]
        whole = ChatRequest(
            answered.model or parameters.get("model", ""),
            tuple(messages),
            pinned=len(request.messages) + bool(answered.summary),
            temperature=parameters.get("temperature"),
            max_tokens=parameters.get("max_tokens"),
            top_p=parameters.get("top_p"),
            stop=tuple(parameters.get("stop") or ()),
            more=parameters.get("more") or {},
        )
        body = replace(self._body(answered.provider, whole), lore=lore_of(parameters))
        if start is None or start.sent is None or start.model != whole.model:
            return body
        return replace(body, body=body_as_sent(whole, start))

    def memory(self, persona: Persona, path: Sequence[Turn], *, offline: bool = False) -> ContextUse:
        """How much of the model's window the path fills, by the last reply's count or estimated."""
        counted = self.counted_memory(persona, path[-1] if path else None, offline=offline)
        if counted:
            return counted
        try:
            answering = self._providers.resolve(persona.model, offline=offline)
        except ProviderError:
            context = fit(persona, path, window_tokens=persona.context_tokens)
            return ContextUse(
                context.prompt_tokens, persona.context_tokens, context.memory_from, measured=False
            )
        context = planned_request(persona, path, answering).summed_up()
        return ContextUse(
            context.prompt_tokens, window_tokens(persona, answering), context.memory_from, measured=False
        )

    def counted_memory(
        self, persona: Persona, last: Turn | None, *, offline: bool = False
    ) -> ContextUse | None:
        """The same by the last turn's provider; None if it didn't count or another model answers now."""
        answered = last.reply if last else None
        if answered is None:
            return None
        try:
            answering = self._providers.resolve(persona.model, offline=offline)
        except ProviderError:
            return None
        if (answered.provider, answered.model) != (answering.provider.name, answering.model):
            return None
        window, used = window_tokens(persona, answering), _counted(answered.usage)
        if used is None or used > (window or used):  # two requests were counted together
            return None
        return ContextUse(used, window, answered.memory_from, measured=True)

    def _events(
        self, planned: PlannedRequest, path: Sequence[Turn], text: str, *, origin: Origin | None = None
    ) -> AsyncGenerator[ReplyEvent]:
        """The reply, by the default model if the provider turns out not to have the persona's."""

        def ask_stand_in(stand_in: ModelChoice, *, retries: int) -> AsyncGenerator[ReplyEvent]:
            again = planned_request(planned.persona, path, stand_in, own=planned.own)
            memory_from, summary = again.context.memory_from, again.context.summary
            return self._reply(
                again,
                text,
                origin=origin,
                retry_delays_seconds=DELAYS_OF_A_STAND_IN,
                retries=retries,
                notices=[Noticed(stand_in.reason, memory_from=memory_from, summary=summary)],
            )

        return with_stand_in(
            self._reply(planned, text, origin=origin),
            find=lambda: self._providers.stand_in(planned.answering),
            ask=ask_stand_in,
        )

    async def _reply(
        self,
        planned: PlannedRequest,
        text: str,
        *,
        origin: Origin | None,
        retry_delays_seconds: Sequence[float] = RETRY_DELAYS_SECONDS,
        retries: int = 0,
        notices: Sequence[Noticed] = (),
    ) -> AsyncGenerator[ReplyEvent]:
        """One model's reply, or the rest of it, with its cost and the depth its memory begins at.

        `notices` are yielded as soon as it has started.
        """
        provider = planned.answering.provider
        context, notice, spent_usd = await self._context_to_send(planned, text, origin)
        request = continuing(planned.request(context), text, prefills=provider.prefills)
        events = reply(
            provider,
            request,
            limits=self._limits,
            retry_delays_seconds=retry_delays_seconds,
            retries=retries,
        )
        if text:
            events = seamless(events, text, prefills=provider.prefills)
        notices = [*notices, notice] if notice else notices
        left_out = 0
        async with aclosing(events):
            async for event in events:
                if isinstance(event, UsageReported):
                    cost = await _cost_usd(planned.answering, event.usage)
                    yield replace(event, cost_usd=cost if cost is None else cost + spent_usd)
                elif isinstance(event, Noticed) and event.left_out:
                    left_out += event.left_out
                    depth = context.depths[min(left_out, len(context.depths) - 1)]
                    yield Noticed(event.message, memory_from=depth, summary=context.summary)
                else:
                    yield event
                if notices and isinstance(event, Started):
                    for each in notices:
                        yield each
                    notices = ()

    async def _context_to_send(
        self, planned: PlannedRequest, text: str, origin: Origin | None
    ) -> tuple[FittedContext, Noticed | None, float]:
        """What is sent, what the person is told about that, and what summing up cost."""
        if planned.to_sum_up is None or planned.window_tokens is None:
            return planned.context, None, 0
        summed_up = await self._summaries.of(
            planned.to_sum_up.dropped,
            earlier=planned.to_sum_up.summary,
            name=planned.persona.name,
            provider=planned.answering.provider,
            model=planned.answering.model,
            window_tokens=planned.window_tokens,
            origin=origin,
        )
        cost_usd = await _cost_usd(planned.answering, summed_up.usage or Usage()) or 0
        if summed_up.failure:
            context = planned.context
            message = f"Earlier turns were left out because they couldn't be summarized: {summed_up.failure}"
        else:
            context = planned.summed_up(summed_up.text)
            message = "Earlier turns were summarized."
        if summed_up.made_earlier and text:  # the notice came when the reply started
            return context, None, 0
        return context, Noticed(message, memory_from=context.memory_from, summary=context.summary), cost_usd

    def _body(self, name: str, request: ChatRequest) -> RequestBody:
        provider = self._providers.named(name)
        if provider is None:  # the provider was configured when this was sent
            body = Adaptation(request.model).whole_body(request)
            return RequestBody(name, None, request.model, body, wants_key=False)
        body = provider.body(request)
        return RequestBody(name, provider.base_url, request.model, body, wants_key=provider.wants_key)


async def _cost_usd(answering: ModelChoice, usage: Usage) -> float | None:
    """What it costs. Runs in a thread because prices may have to be loaded first."""
    return await asyncio.to_thread(pricing.cost_usd, answering.provider.name, answering.model, usage)


def _counted(usage: Usage | None) -> int | None:
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return usage.prompt_tokens + usage.completion_tokens


async def _only(event: ReplyEvent, _text: str, *, origin: Origin | None = None) -> AsyncGenerator[ReplyEvent]:
    del origin  # no provider is asked
    yield event
