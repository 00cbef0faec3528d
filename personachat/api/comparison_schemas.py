"""Comparisons as they are on the wire, and the answer that follows their replies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from personachat.api.comparison_events import ComparisonStream
from personachat.api.events import batches
from personachat.api.openapi import STREAM
from personachat.api.schemas import Id, RequestModel, ResponseModel, workspace_of
from personachat.api.whole import is_wanted
from personachat.errors import QuestionSetInvalid
from personachat.lab.comparisons.exporting import document
from personachat.lab.comparisons.model import MOST_ROUNDS, MOST_SAMPLES, MOST_VARIANTS, Setup
from personachat.lab.comparisons.question_sets import QuestionSets
from personachat.lab.comparisons.seen import SeenAnswer, SeenComparison
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.spending import MOST_LIMIT_USD
from personachat.personas.chat_settings import ChatSettings
from personachat.personas.limits import TRAIT

COMPARISON_STREAM: dict[str, Any] = {
    "description": (
        "Server-sent events: first `comparison` with its `id`, then the events of every reply as in "
        "`POST /api/chat`, each with the letter of its column as `variant`, then `data: [DONE]`. Before "
        "a blind vote there are only `start`, `delta`, `done` and `error`, without details, and not before "
        "the last reply is complete."
    ),
    "content": STREAM["content"] | {"application/json": {}},
}


class VariantRequest(RequestModel):
    """Who answers in a column. Missing fields are taken from the persona."""

    persona_id: Annotated[Id, Field(description="A persona, also with a label: tutor@stable.")]
    revision: Annotated[int | None, Field(ge=1, description="An earlier version of the persona.")] = None
    draft: Annotated[
        str | None, Field(min_length=1, description="JSON text that answers instead of the saved persona.")
    ] = None
    model: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    tone: Annotated[str | None, Field(max_length=TRAIT)] = None
    style: Annotated[str | None, Field(max_length=TRAIT)] = None
    formality: Annotated[str | None, Field(max_length=TRAIT)] = None
    samples: Annotated[int, Field(ge=1, le=MOST_SAMPLES, description="How often it answers.")] = 1

    def setup(self) -> Setup:
        return Setup(
            persona_id=self.persona_id,
            revision=self.revision,
            text=self.draft,
            model=self.model or "",
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            tone=self.tone,
            style=self.style,
            formality=self.formality,
            samples=self.samples,
        )


class ComparisonBody(RequestModel):
    """A message to several variants. `blind` withholds who wrote what until you vote."""

    message: Annotated[str | None, Field(min_length=1, description="Leave it out to send a saved list.")] = (
        None
    )
    variants: Annotated[list[VariantRequest], Field(min_length=1, max_length=MOST_VARIANTS)]
    blind: bool = False
    waiting: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(
            default_factory=list,
            max_length=MOST_ROUNDS,
            description="More messages, to be sent later.",
        ),
    ]
    question_set_id: Annotated[
        Id | None, Field(description="A saved list: its first message is sent, the others wait.")
    ] = None
    max_cost_usd: Annotated[
        float | None,
        Field(ge=0, le=MOST_LIMIT_USD, description="The cost limit. Nothing is sent that could exceed it."),
    ] = None

    def messages(self, saved: QuestionSets) -> tuple[str, list[str]]:
        """The first message and those that wait. Raises QuestionSetNotFound and QuestionSetInvalid."""
        if self.question_set_id is None:
            return self.message or "", self.waiting
        if self.message or self.waiting:
            raise QuestionSetInvalid(
                "Send either a saved list or your own messages.", hint="Leave one of them out."
            )
        first, *others = saved.get(self.question_set_id).messages
        return first, others


class NextMessage(RequestModel):
    """The next message to every variant. Null sends the next one of the list."""

    message: Annotated[str | None, Field(min_length=1)] = None


class ColumnChoice(RequestModel):
    """The letter of a column."""

    variant: Annotated[str, Field(min_length=1, max_length=1)]


class StopChoice(RequestModel):
    """The letter of a column, or null for all."""

    variant: Annotated[str | None, Field(min_length=1, max_length=1)] = None


class VoteBody(RequestModel):
    """A vote on the replies to message `number`: a letter, `tie` or `both_bad`."""

    number: Annotated[int, Field(ge=1, le=1_000_000)]
    choice: Annotated[str, Field(min_length=1, max_length=20)]


class RevealBody(RequestModel):
    """Which message's names to show. A vote on it is not counted after that."""

    number: Annotated[int, Field(ge=1, le=1_000_000)]


class ComparisonChange(RequestModel):
    """What to change: the title (1 to 200 characters), the cost limit (null for none), or both."""

    title: Annotated[str | SkipJsonSchema[None], Field(min_length=1, max_length=200)] = None
    max_cost_usd: Annotated[float | None, Field(ge=0, le=MOST_LIMIT_USD)] = None


class ComparedVariant(ResponseModel):
    """A column's persona, model and parameters."""

    id: str
    name: str
    persona_id: str
    revision_etag: str
    model: str
    setup: dict[str, Any]


class ComparedError(ResponseModel):
    """Why a reply failed."""

    code: str
    message: str


class ComparedReply(ResponseModel):
    """A reply in its column. Before a blind vote everything but `variant`, `state` and `text` is null."""

    variant: str
    variant_id: str | None
    name: str | None
    state: str
    text: str
    model: str | None
    provider: str | None
    finish_reason: str | None
    error: ComparedError | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    first_token_seconds: float | None
    tokens_per_second: float | None


class ComparisonVote(ResponseModel):
    """The choice: a letter, `tie` or `both_bad`. One that doesn't count says why."""

    choice: str | None
    counted: bool
    why_not: str | None


class ComparedMessage(ResponseModel):
    """A message with its replies, in the order of the columns."""

    number: int
    message: str
    hidden: bool
    replies: list[ComparedReply]
    vote: ComparisonVote | None


class ComparisonPlace(ResponseModel):
    """`share` is how often it wins against another variant, with its 95 % interval."""

    variants: list[str]
    name: str
    wins: int
    losses: int
    ties: int
    share: float
    low: float
    high: float


class ComparisonStanding(ResponseModel):
    """`sentence` says whether anything is decided. `places` has the best first."""

    sentence: str
    decided: bool
    votes: int
    ties: int
    both_bad: int
    more_votes: int | None
    not_counted: int
    places: list[ComparisonPlace]


class OverallPlace(ResponseModel):
    """A persona with a model. `share` is how often it wins against another one, with its 95 % interval."""

    persona_id: str
    model: str
    name: str
    wins: int
    losses: int
    ties: int
    share: float
    low: float
    high: float


class ComparisonVoter(ResponseModel):
    """Who voted how often. Only administrators see other people's names."""

    name: str
    votes: int


class OverallComparisonStanding(ResponseModel):
    """Based on all votes that count, in this number of `comparisons`."""

    sentence: str
    decided: bool
    votes: int
    ties: int
    both_bad: int
    more_votes: int | None
    comparisons: int
    voters: list[ComparisonVoter]
    places: list[OverallPlace]


class WholeComparison(ResponseModel):
    """A comparison. While `hidden`, `variants` is empty and `standing` null: vote first.

    `listState` says whether the server sends what is `waiting`, or why (`listNotice`) it stopped doing so.
    """

    id: str
    title: str
    blind: bool
    hidden: bool
    variant_count: int
    created_at: str
    updated_at: str
    variants: list[ComparedVariant]
    messages: list[ComparedMessage]
    waiting: list[str]
    list_state: Literal["sending", "stopped"] | None
    list_notice: str | None
    max_cost_usd: float | None
    standing: ComparisonStanding | None


class ComparisonHead(ResponseModel):
    """A comparison in a list."""

    id: str
    title: str
    blind: bool
    message_count: int
    vote_count: int
    created_at: str
    updated_at: str


class ComparisonList(ResponseModel):
    """The newest first."""

    comparisons: list[ComparisonHead]


class ComparisonLink(ResponseModel):
    """Anyone with the link can read the comparison as it is."""

    token: str
    url: str


class ContinuedConversation(ResponseModel):
    """The new conversation, and the persona that goes on in it: `tutor`, or `tutor@stable`.

    `settings` are what the conversation keeps of the column's model, parameters and traits. `differs` says
    what else was different, if no saved version is the same.
    """

    conversation_id: str
    persona: str
    settings: ChatSettings
    differs: list[str]


def comparisons_of(request: Request) -> Comparisons:
    return workspace_of(request).comparisons


def whole_comparison(comparison: SeenComparison) -> WholeComparison:
    return WholeComparison.model_validate(document(comparison), by_alias=True)


async def replies_of(request: Request, comparison_id: str) -> Response:
    """The replies to the last message as they come, or everything at once when they are complete."""

    def look_up() -> tuple[SeenComparison, Any]:
        comparisons = comparisons_of(request)
        return comparisons.seen(comparison_id), comparisons.live(comparison_id)

    comparison, columns = await run_in_threadpool(look_up)

    def answers() -> Sequence[SeenAnswer]:
        last = comparisons_of(request).seen(comparison_id).last
        return last.answers if last else ()

    if not is_wanted(request):
        return ComparisonStream(comparison, columns, hidden=answers if comparison.hidden else None)
    for _, live_reply in columns:
        async with aclosing(batches(live_reply, 0)) as numbered:
            async for _ in numbered:
                pass
    comparison = await run_in_threadpool(lambda: comparisons_of(request).seen(comparison_id))
    return JSONResponse(document(comparison))
