"""GET /api/audit: who did what, for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response, StreamingResponse

from personachat.accounts.audit import AuditEvent, AuditFilter
from personachat.api.openapi import answers
from personachat.api.schemas import ResponseModel, Text, administrator_of
from personachat.history.audit_table import audit_csv

router = APIRouter(prefix="/audit", tags=["administration"])

Named = Annotated[Text, Query(max_length=300)]
Moment = AwareDatetime | SkipJsonSchema[None]


class AuditEntry(ResponseModel):
    """`before` and `after` hold names, ids, versions and numbers; null if there is nothing to say."""

    id: int
    at: datetime
    actor: str
    actor_name: str
    action: str
    kind: str
    target: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(ResponseModel):
    """`nextBefore` continues the list; null at its end."""

    events: list[AuditEntry]
    next_before: int | None


@router.get(
    "",
    summary="Show the audit log",
    response_model=AuditPage,
    responses=answers(404, 422, 503, s200={"content": {"text/csv": {"schema": {"type": "string"}}}}),
)
def list_audit(  # noqa: PLR0913  # one parameter a filter
    request: Request,
    *,
    actor: Named = "",
    action: Named = "",
    kind: Named = "",
    target: Named = "",
    since: Annotated[Moment, Query(description="The start, such as 2026-01-31T00:00:00Z.")] = None,
    until: Annotated[Moment, Query(description="The end (not included).")] = None,
    before: Annotated[int | SkipJsonSchema[None], Query(ge=1, lt=2**31, description="`nextBefore`.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    format: Annotated[Literal["json", "csv"], Query(description="CSV has all events.")] = "json",  # noqa: A002  # what callers call it
) -> AuditPage | Response:
    """Newest events first. Only for administrators."""
    audit = administrator_of(request).audit
    audit_filter = AuditFilter(actor=actor, action=action, kind=kind, target=target, since=since, until=until)
    if format == "csv":
        headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        return StreamingResponse(audit_csv(audit.all(audit_filter)), media_type="text/csv", headers=headers)
    events = audit.page(audit_filter, limit=limit, before_id=before)
    return AuditPage(
        events=[_entry(event) for event in events],
        next_before=events[-1].id if len(events) == limit else None,
    )


def _entry(event: AuditEvent) -> AuditEntry:
    return AuditEntry(
        id=event.id,
        at=event.at,
        actor=event.actor,
        actor_name=event.actor_name,
        action=event.action,
        kind=event.kind,
        target=event.target,
        before=None if event.before is None else dict(event.before),
        after=None if event.after is None else dict(event.after),
    )
