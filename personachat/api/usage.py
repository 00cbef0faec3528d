"""GET /api/usage: tokens, costs and times of model calls, summed up or one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic.json_schema import SkipJsonSchema

from personachat.api.openapi import answers
from personachat.api.schemas import ResponseModel, Text, workspace_of
from personachat.stamps import now
from personachat.usage.questions import groups_of, parse_query
from personachat.usage.speeds import Speed
from personachat.usage.sums import Sum

router = APIRouter(prefix="/usage", tags=["usage"])

Filter = Text | SkipJsonSchema[None]


class UsageTimes(ResponseModel):
    """Half of the `calls` are at least as fast as `p50`, 95 % as `p95`. Both are accurate to 1 %."""

    calls: int
    p50: float | None
    p95: float | None


class UsageSum(ResponseModel):
    """A sum of calls. Values that no call reported are null. `costKnownCalls` counts calls of known cost."""

    calls: int
    estimated_calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    cost_known_calls: int
    retries: int | None
    mean_first_token_ms: int | None
    mean_duration_ms: int | None
    first_token_ms: UsageTimes
    duration_ms: UsageTimes
    tokens_per_second: UsageTimes


class UsageGroup(UsageSum):
    """`key` identifies the group. A value is null if it is unknown."""

    key: dict[str, str | None]


class UsageCall(ResponseModel):
    """One call. `person` is a keyed hash. Tokens are `estimated` if the provider did not count them."""

    id: str
    began_at: datetime
    first_token_ms: int | None
    duration_ms: int | None
    person: str
    purpose: str
    surface: str | None
    persona_id: str | None
    persona_revision: str | None
    provider: str | None
    model: str | None
    model_asked: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    estimated: bool
    cost_usd: float | None
    outcome: str
    finish_reason: str | None
    error_code: str | None
    retries: int | None
    conversation_id: str | None
    message_id: str | None
    migrated: bool
    request_id: str | None
    comparison_id: str | None


class UsageAnswer(ResponseModel):
    """`groups` if `by` was given, otherwise a page of `calls`, newest first. `total` covers all.

    `people` maps each person to a name.
    """

    timezone: str
    since: str | None
    until: str | None
    total: UsageSum
    groups: list[UsageGroup] | None
    calls: list[UsageCall] | None
    next_cursor: str | None
    people: dict[str, str]


@router.get("", summary="List or sum up model calls", response_model=UsageAnswer, responses=answers(422, 503))
def get_usage(  # noqa: PLR0913  # one parameter a filter
    request: Request,
    *,
    by: Annotated[
        Text,
        Query(
            max_length=200,
            description=(
                "Separated by commas: day, person, persona, revision, provider, model, asked, "
                "purpose, surface, outcome, reason, error. If left out, individual calls are "
                "listed."
            ),
        ),
    ] = "",
    since: Annotated[
        Filter, Query(max_length=20, description="The first day: 2026-01-31, today, or 30d.")
    ] = None,
    until: Annotated[Filter, Query(max_length=20, description="The last day.")] = None,
    timezone: Annotated[
        Text, Query(max_length=64, description="The time zone of the days, such as Europe/Berlin.")
    ] = "UTC",
    persona: Annotated[Filter, Query(max_length=200)] = None,
    revision: Annotated[Filter, Query(max_length=200)] = None,
    provider: Annotated[Filter, Query(max_length=200)] = None,
    model: Annotated[Filter, Query(max_length=200)] = None,
    purpose: Annotated[Filter, Query(max_length=200)] = None,
    surface: Annotated[Filter, Query(max_length=200)] = None,
    outcome: Annotated[Filter, Query(max_length=200)] = None,
    error: Annotated[Filter, Query(max_length=200)] = None,
    person: Annotated[Filter, Query(max_length=64, description="Of `people`, or `me`.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Calls per page.")] = 100,
    cursor: Annotated[Filter, Query(max_length=1000, description="A page's nextCursor.")] = None,
) -> UsageAnswer:
    """Your own calls. On the machine the server runs on, everyone's."""
    usage = workspace_of(request).usage
    question = parse_query(
        now=now(),
        timezone=timezone,
        since=since,
        until=until,
        persona=persona,
        revision=revision,
        provider=provider,
        model=model,
        purpose=purpose,
        surface=surface,
        outcome=outcome,
        error=error,
        person=person,
    )
    groups = groups_of(by.split(","))
    summed = usage.measured(question, groups) if groups else None
    page = None if groups else usage.calls(question, limit=limit, cursor=cursor)
    return UsageAnswer(
        timezone=timezone,
        since=question.since and question.since.isoformat(),
        until=question.until and question.until.isoformat(),
        total=UsageSum(**_numbers(*usage.measured_total(question))),
        groups=None
        if summed is None
        else [
            UsageGroup(**_numbers(each, speed), key=dict(zip(groups, each.key, strict=True)))
            for each, speed in summed
        ],
        calls=None if page is None else [_call(row) for row in page.calls],
        next_cursor=page.next_cursor if page else None,
        people=dict(usage.names()),
    )


def _numbers(each: Sum, speed: Speed) -> dict[str, Any]:
    return {
        "calls": each.calls,
        "estimated_calls": each.estimated,
        "prompt_tokens": each.total("prompt_tokens"),
        "completion_tokens": each.total("completion_tokens"),
        "cached_tokens": each.total("cached_tokens"),
        "reasoning_tokens": each.total("reasoning_tokens"),
        "cost_usd": each.cost_usd,
        "cost_known_calls": each.known_count("cost_usd"),
        "retries": each.total("retries"),
        "mean_first_token_ms": each.mean("first_token_ms"),
        "mean_duration_ms": each.mean("duration_ms"),
        **{name: UsageTimes(**asdict(times)) for name, times in speed.times()},
    }


def _call(row: Mapping[str, Any]) -> UsageCall:
    values = {name: row[name] for name in UsageCall.model_fields if name in row}
    return UsageCall(**values, person=row["owner"], message_id=row["turn_id"])
