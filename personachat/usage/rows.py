"""A call as its row: tokens and cost of all its requests together.

If a server counted nothing, the text is estimated, and the row says so. Every value fits its column, whatever
a provider reports.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import String

from personachat.messages import Usage, storable
from personachat.settings import LOCAL
from personachat.usage import pricing
from personachat.usage.model import Call, CallSnapshot, RequestUsage
from personachat.usage.tables import usage_calls

MOST_TOKENS = 2**53
"""A larger number wasn't counted but made up; it would break a database's sums."""


def row_of(call: Call, counted: CallSnapshot, *, owner: str, process_id: str) -> dict[str, Any]:
    """The row as it is now; `owner` is the keyed hash."""
    origin = call.origin
    over = counted.state not in {"running", "paused"}
    usages, estimated = _usages(counted.requests, prompt_tokens=origin.prompt_tokens)
    total = Usage()
    for usage in usages:
        total = total.plus(usage)
    row: dict[str, Any] = {
        "id": call.id,
        "began_at": call.began_at,
        "first_token_ms": _milliseconds(counted.first_token_seconds),
        "duration_ms": _milliseconds(counted.duration_seconds),
        "owner": owner,
        "purpose": origin.purpose,
        "surface": origin.surface,
        "persona_id": origin.persona_id,
        "persona_revision": origin.persona_revision,
        "provider": counted.provider,
        "model": counted.model,
        "model_asked": origin.model_asked,
        "prompt_tokens": total.prompt_tokens,
        "completion_tokens": total.completion_tokens,
        "cached_tokens": total.cached_tokens,
        "reasoning_tokens": total.reasoning_tokens,
        "estimated": estimated,
        "cost_usd": _cost_usd(counted, usages),
        "outcome": counted.state if over else "running",
        "finish_reason": counted.finish_reason,
        "error_code": counted.error_code,
        "retries": counted.retries,
        "conversation_id": origin.conversation_id,
        "turn_id": origin.turn_id,
        "process_id": process_id,
        "migrated": False,
        "request_id": call.request.id,
        "comparison_id": origin.comparison_id,
    }
    return {name: _fitting(name, value) for name, value in row.items()}


def _usages(requests: tuple[RequestUsage, ...], *, prompt_tokens: int | None) -> tuple[list[Usage], bool]:
    """What each request used, and whether part of that is an estimate.

    A request that returned nothing and wasn't counted has an unknown usage.
    """
    usages: list[Usage] = []
    estimated = False
    for request in requests:
        usage = _credible(request.usage or Usage())
        is_counted = usage.prompt_tokens is not None and usage.completion_tokens is not None
        if not is_counted and request.estimated_tokens:
            estimated = True
            usage = Usage(
                prompt_tokens if usage.prompt_tokens is None else usage.prompt_tokens,
                request.estimated_tokens if usage.completion_tokens is None else usage.completion_tokens,
                usage.cached_tokens,
                usage.reasoning_tokens,
            )
        if usage != Usage():
            usages.append(usage)
    return usages, estimated


def _credible(usage: Usage) -> Usage:
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens)
    return Usage(*(None if count is None or not 0 <= count <= MOST_TOKENS else count for count in counts))


def _cost_usd(counted: CallSnapshot, usages: list[Usage]) -> float | None:
    """Each request has its own price: some cost more above a certain length."""
    if counted.provider == LOCAL:
        return 0.0
    costs = [pricing.cost_usd(counted.provider, counted.model, usage) for usage in usages]
    priced = [cost for cost in costs if cost is not None]
    return sum(priced) if costs and len(priced) == len(costs) else None


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _fitting(name: str, value: Any) -> Any:
    """Text in the form of its column, null if there is none."""
    if not isinstance(value, str):
        return value
    kind = usage_calls.c[name].type
    text = storable(value)[: kind.length] if isinstance(kind, String) else value
    return text or (None if usage_calls.c[name].nullable else "")
