"""One reply of a persona on the engine's loop, outside of any chat: only the ledger knows of it.

It is planned, sent, limited and retried as every other reply, and is never taken from a cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from personachat.conversations.model import Reply, Turn
from personachat.messages import Failed
from personachat.personas.persona import Persona
from personachat.providers.registry import ProviderRegistry
from personachat.replies.live import LiveReply
from personachat.replies.planner import ReplyPlan, ReplyPlanner
from personachat.replies.runner import ReplyRunner
from personachat.replies.sent_lore import lore_of
from personachat.settings import LOCAL
from personachat.stamps import new_id
from personachat.usage.model import Origin

SaidTurn = tuple[Literal["user", "assistant"], str]


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply that has ended. `error` is a sentence where it failed, and `text` what came before."""

    text: str
    provider: str
    model: str
    reason: str
    system_prompt: str
    error: str = ""
    error_code: str = ""
    retryable: bool = True
    finish_reason: str = ""
    tokens: int | None = None
    seconds: float | None = None
    cost_usd: float | None = None
    lore: tuple[str, ...] = ()
    """The names of the lore entries that were told."""
    memory_from: int = 0
    """How many turns were left out, because they didn't fit."""

    @property
    def cut_off(self) -> bool:
        """Whether this process ended it, so that it says nothing about the persona."""
        return self.error_code in {"interrupted", "shutting_down", "stopped"}


class Replying:
    """Asks for replies. `reply` is to be awaited on the engine's loop."""

    def __init__(self, planner: ReplyPlanner, runner: ReplyRunner, providers: ProviderRegistry) -> None:
        self._planner = planner
        self._runner = runner
        self._providers = providers

    @property
    def ending(self) -> bool:
        """Whether the server takes nothing new any more."""
        return self._runner.draining

    def who(self, persona: Persona, *, model: str | None = None) -> tuple[str, str]:
        """Which provider would answer, and why not the model that was asked for. Raises ProviderError."""
        answering = self._providers.resolve(model or persona.model)
        return answering.provider.name, answering.reason

    def plan(self, persona: Persona, messages: Sequence[SaidTurn], *, model: str | None = None) -> ReplyPlan:
        return self._planner.plan(persona, _path(persona, messages), model=model)

    async def reply(
        self, persona: Persona, messages: Sequence[SaidTurn], *, origin: Origin, model: str | None = None
    ) -> Answered:
        """Raises ShuttingDown."""
        self._runner.admit()
        plan = self.plan(persona, messages, model=model)
        origin = replace(origin, model_asked=plan.model_asked, prompt_tokens=plan.prompt_tokens)
        live_reply = LiveReply(first=plan.first, persona_id=persona.id, origin=origin)
        self._runner.start(live_reply, plan.events, remembered=False)
        try:
            async for _ in live_reply.events():
                pass
        finally:
            live_reply.stop()  # nothing happens where it has ended
        return _answered(live_reply.snapshot(), live_reply.ending, plan)


def _path(persona: Persona, messages: Sequence[SaidTurn]) -> tuple[Turn, ...]:
    path: list[Turn] = []
    for role, words in messages:
        parent = path[-1].id if path else None
        path.append(Turn(new_id(), parent, role, words, persona.id, persona.name, depth=len(path)))
    return tuple(path)


def _answered(reply: Reply, ending: object, plan: ReplyPlan) -> Answered:
    prompts = plan.request.messages if plan.request else ()
    answered = Answered(
        reply.text,
        reply.provider,
        reply.model,
        reply.reason,
        "\n".join(message.content for message in prompts if message.role == "system"),
        finish_reason=reply.finish_reason or "",
        tokens=reply.usage.completion_tokens if reply.usage else None,
        seconds=reply.duration_seconds,
        cost_usd=0.0 if reply.provider == LOCAL else reply.cost_usd,
        lore=tuple(name for name, _ in lore_of(plan.request.parameters)) if plan.request else (),
        memory_from=reply.memory_from or 0,
    )
    if isinstance(ending, Failed):
        can_help = plan.request is not None
        return replace(answered, error=ending.message, error_code=ending.code, retryable=can_help)
    if reply.state != "finished":
        return replace(answered, error="The reply was cut off.", error_code=str(reply.state))
    if not reply.text.strip():
        return replace(answered, error="The reply is empty.", error_code="reply_empty")
    return answered
