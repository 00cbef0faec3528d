"""API tokens over HTTP: people create, list and revoke their own, administrators everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, Field
from starlette.responses import Response

from personachat.accounts.administration import Role
from personachat.accounts.budget import Budget, Period, Unit
from personachat.accounts.token_issuing import TokenDesk
from personachat.accounts.tokens import MOST_NAME_CHARACTERS, MOST_PERSONAS, ApiToken
from personachat.api.auth import owner_of, person_of
from personachat.api.openapi import answers
from personachat.api.schemas import RequestModel, ResponseModel, Text, administrator_of, services_of
from personachat.errors import AdministrationNotAllowed

router = APIRouter(prefix="/tokens", tags=["administration"])


class TokenBudget(RequestModel):
    """What may be spent with this token."""

    per: Period
    unit: Unit
    most: Annotated[float, Field(ge=0, lt=1e15)]


class NewToken(RequestModel):
    """`owner` is the person it acts for, by default you. Only administrators can name somebody else.

    The role can't be higher than yours. Without `personas` it reaches all that its person may use.
    """

    name: Annotated[Text, Field(min_length=1, max_length=MOST_NAME_CHARACTERS)]
    owner: Annotated[Text, Field(max_length=300)] = ""
    role: Role = "editor"
    personas: Annotated[list[Text] | None, Field(min_length=1, max_length=MOST_PERSONAS)] = None
    # In JSON a time is a string, which a strict model would refuse.
    expires_at: Annotated[AwareDatetime | None, Field(strict=False)] = None
    budget: TokenBudget | None = None


class SpendingLimit(ResponseModel):
    per: Period
    unit: Unit
    most: float


class TokenAnswer(ResponseModel):
    """A token without its secret. `personas` is null for all. `usedAt` is accurate to a minute."""

    id: str
    name: str
    owner: str
    role: Role
    personas: list[str] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    budgets: list[SpendingLimit]
    """Those of this token alone."""


class CreatedToken(TokenAnswer):
    """`token` is the secret. It is never shown again."""

    token: str


class TokenList(ResponseModel):
    tokens: list[TokenAnswer]


def _desk_of(request: Request) -> TokenDesk:
    """All tokens for administrators, the caller's own for others. Raises AdministrationNotAllowed."""
    try:
        return administrator_of(request)
    except AdministrationNotAllowed:
        return services_of(request).own_tokens(owner_of(request), person=person_of(request))


@router.get("", summary="List API tokens", response_model=TokenList, responses=answers(404, 503))
def list_tokens(request: Request) -> TokenList:
    """Your tokens, newest first. Administrators see everybody's. A person's token sees only itself."""
    desk = _desk_of(request)
    budgets = desk.token_budgets()
    return TokenList(
        tokens=[TokenAnswer(**_as_json(each, budgets.get(each.id, ()))) for each in desk.tokens()]
    )


@router.post(
    "",
    summary="Create an API token",
    status_code=201,
    response_model=CreatedToken,
    responses=answers(403, 404, 422, 503),
)
def create_token(body: NewToken, request: Request) -> CreatedToken:
    """The secret is shown only in this answer. Only an admin's token can create others."""
    body_budget = body.budget
    budget = (
        Budget(scope="token", period=body_budget.per, unit=body_budget.unit, most=body_budget.most)
        if body_budget
        else None
    )
    new_token = _desk_of(request).create_token(
        name=body.name,
        owner=body.owner,
        role=body.role,
        personas=None if body.personas is None else frozenset(body.personas),
        expires_at=body.expires_at,
        budget=budget,
    )
    return CreatedToken(**_as_json(new_token.token, (budget,) if budget else ()), token=new_token.secret)


@router.delete(
    "/{id}",
    summary="Revoke an API token",
    status_code=204,
    response_class=Response,
    responses=answers(404, 503),
)
def revoke_token(
    request: Request, token_id: Annotated[Text, Path(alias="id", description="A token's id.")]
) -> None:
    """One of yours; administrators can revoke anybody's. It stops working at once, on every server."""
    _desk_of(request).revoke_token(token_id)


def _as_json(token: ApiToken, budgets: Sequence[Budget]) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner,
        "role": token.role,
        "personas": None if token.personas is None else sorted(token.personas),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "used_at": token.used_at,
        "budgets": [SpendingLimit(per=each.period, unit=each.unit, most=each.most) for each in budgets],
    }
