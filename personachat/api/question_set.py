"""One saved list of messages over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from personachat.api.openapi import answers
from personachat.api.question_sets import (
    QuestionSetChange,
    SavedQuestionSet,
    question_sets_of,
    saved_set,
)
from personachat.api.schemas import Text

router = APIRouter(prefix="/question-sets/{id}", tags=["comparisons"])

SetId = Annotated[Text, Path(alias="id", description="The id of the list.")]


@router.get(
    "",
    summary="Read a saved list of messages",
    response_model=SavedQuestionSet,
    responses=answers(404, 422, 503),
)
def get_question_set(set_id: SetId, request: Request) -> SavedQuestionSet:
    """With all its messages."""
    return saved_set(question_sets_of(request).get(set_id))


@router.patch(
    "",
    summary="Change a saved list of messages",
    response_model=SavedQuestionSet,
    responses=answers(400, 404, 422, 503),
)
def change_question_set(set_id: SetId, body: QuestionSetChange, request: Request) -> SavedQuestionSet:
    """Comparisons that have begun stay as they are."""
    return saved_set(question_sets_of(request).change(set_id, name=body.name, messages=body.messages))


@router.delete(
    "",
    summary="Delete a saved list of messages",
    status_code=204,
    response_model=None,
    responses=answers(404, 422, 503),
)
def delete_question_set(set_id: SetId, request: Request) -> None:
    """It can be restored for a while. Comparisons keep their messages."""
    question_sets_of(request).delete(set_id)


@router.post(
    "/restore",
    summary="Restore a deleted list of messages",
    response_model=SavedQuestionSet,
    responses=answers(404, 422, 503),
)
def restore_question_set(set_id: SetId, request: Request) -> SavedQuestionSet:
    """If another list has its name by now, it gets a number."""
    return saved_set(question_sets_of(request).restore(set_id))
