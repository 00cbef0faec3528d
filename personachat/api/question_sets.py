"""Saved lists of messages over HTTP: the caller's own, for use in comparisons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from personachat.api.openapi import answers
from personachat.api.schemas import RequestModel, ResponseModel, workspace_of
from personachat.lab.comparisons.model import MOST_ROUNDS
from personachat.lab.comparisons.question_sets import QuestionSet, QuestionSets

router = APIRouter(prefix="/question-sets", tags=["comparisons"])

Name = Annotated[str, Field(min_length=1, max_length=200)]
Messages = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MOST_ROUNDS)]


class QuestionSetBody(RequestModel):
    """A list of messages with a name that no other list of yours has."""

    name: Name
    messages: Messages


class QuestionSetChange(RequestModel):
    """What to change."""

    name: Name | SkipJsonSchema[None] = None
    messages: Messages | SkipJsonSchema[None] = None


class SavedQuestionSet(ResponseModel):
    id: str
    name: str
    messages: list[str]
    created_at: str
    updated_at: str


class QuestionSetList(ResponseModel):
    """By name."""

    question_sets: list[SavedQuestionSet]


@router.get(
    "", summary="List saved lists of messages", response_model=QuestionSetList, responses=answers(503)
)
def list_question_sets(request: Request) -> QuestionSetList:
    """Your own."""
    return QuestionSetList(question_sets=[saved_set(each) for each in question_sets_of(request).all()])


@router.post(
    "",
    summary="Save a list of messages",
    response_model=SavedQuestionSet,
    status_code=201,
    responses=answers(400, 422, 503),
)
def save_question_set(body: QuestionSetBody, request: Request) -> SavedQuestionSet:
    """Comparisons can send it by its id."""
    return saved_set(question_sets_of(request).save(body.name, body.messages))


def question_sets_of(request: Request) -> QuestionSets:
    return workspace_of(request).comparisons.questions


def saved_set(each: QuestionSet) -> SavedQuestionSet:
    return SavedQuestionSet(
        id=each.id,
        name=each.name,
        messages=list(each.messages),
        created_at=each.created_at.isoformat(),
        updated_at=each.updated_at.isoformat(),
    )
