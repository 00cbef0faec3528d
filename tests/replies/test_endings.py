"""Every way in which a reply can end, and what each surface says of it: only a whole one ever looks whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import anyio
import pytest
from starlette.requests import Request
from starlette.types import Message, Scope
from streamlit.testing.v1 import AppTest

from personachat.api.events import ReplyStream
from personachat.api.mcp.chats import _call_result
from personachat.api.v1.completions import CompletionStream, whole
from personachat.api.v1.response_bodies import ResponseBody
from personachat.api.v1.response_drafts import PendingResponse
from personachat.api.v1.responses import ResponseStream, _whole
from personachat.cli.chat import _report
from personachat.conversations.model import Conversation, Reply, Turn
from personachat.errors import (
    BrokenStream,
    ConnectionLost,
    FirstTokenTimeout,
    IdleTimeout,
    PersonaChatError,
    ReplyTimeout,
    ReplyTruncated,
    StreamFailed,
    TooManyReplies,
    unforeseen,
)
from personachat.history.markdown import markdown_of
from personachat.messages import Failed, Finished, Started, TextDelta
from personachat.providers.base import ChatRequest
from personachat.replies.live import LiveReply


@dataclass(frozen=True)
class Told:
    """What is said of one end. `status` is that of a whole completion and a whole response."""

    events: list[tuple[str, str]]
    """The end of a stream of /api/chat, without [DONE]: name, and finish reason or code."""
    finish_reason: str | None
    error_code: str | None
    response: str
    why_incomplete: str | None
    status: int
    refused: bool
    exit_code: int
    page: str
    export: str


def by_itself(reason: Any, *, response: str = "completed", why: str | None = None, badge: str = "") -> Told:
    finish_reason = "stop" if reason == "refusal" else reason
    return Told([("done", reason)], finish_reason, None, response, why, 200, False, 0, badge, badge)


def cut_off(
    event: tuple[str, str], code: str, status: int, *, response: str = "failed", exit_code: int = 1, said: str
) -> Told:
    why = code if response == "incomplete" else None
    return Told([event], None, code, response, why, status, True, exit_code, said, said)


def failed(error: PersonaChatError, status: int) -> tuple[Callable[[LiveReply], object], Told]:
    told = cut_off(("error", error.code), error.code, status, said=str(error))
    return lambda live_reply: live_reply.end(Failed.of(error)), told


def finished(reason: Any) -> Callable[[LiveReply], object]:
    return lambda live_reply: live_reply.end(Finished(reason))


def as_another_process_says(live_reply: LiveReply) -> None:
    live_reply.agree(replace(live_reply.snapshot(), state="interrupted"))


STOPPED = cut_off(("done", "stopped"), "stopped", 409, response="incomplete", exit_code=130, said="Stopped")
INTERRUPTED = cut_off(("error", "interrupted"), "interrupted", 503, response="incomplete", said="Interrupted")
AT_LIMIT = by_itself(
    "length", response="incomplete", why="max_output_tokens", badge="Cut off at the token limit"
)
FILTERED = by_itself(
    "content_filter",
    response="incomplete",
    why="content_filter",
    badge="Cut off by the provider's content filter",
)
TABLE: dict[str, tuple[Callable[[LiveReply], object], Told]] = {
    "the model ended it": (finished("stop"), by_itself("stop")),
    "the model calls a tool": (finished("tool_calls"), by_itself("tool_calls")),
    "the model declined": (finished("refusal"), by_itself("refusal", badge="The model declined")),
    "the token limit": (finished("length"), AT_LIMIT),
    "the content filter": (finished("content_filter"), FILTERED),
    "somebody stopped it, or nobody watched": (LiveReply.stop, STOPPED),
    "the server ended": (LiveReply.interrupt, INTERRUPTED),
    "its process was killed": (as_another_process_says, INTERRUPTED),
    "our limit for the first token": failed(FirstTokenTimeout("None came."), 504),
    "our limit for silence": failed(IdleTimeout("It fell silent."), 504),
    "our limit for a reply": failed(ReplyTimeout("It took too long."), 504),
    "the provider's connection broke": failed(ConnectionLost("It broke."), 502),
    "the provider stopped unexpectedly": failed(ReplyTruncated("No end."), 502),
    "the provider sent an error": failed(StreamFailed("An error."), 502),
    "the provider never stops": failed(BrokenStream("No stop."), 502),
    "a fault of our own": failed(unforeseen(), 500),
}
CASES = pytest.mark.parametrize(("end", "told"), TABLE.values(), ids=TABLE)


def ended(end: Callable[[LiveReply], object]) -> LiveReply:
    live_reply = LiveReply()
    live_reply.add(Started("fake", "model"))
    live_reply.add(TextDelta("Half of"))
    end(live_reply)
    return live_reply


def sent(response: Any) -> tuple[int, str]:
    """Status and body of an answer."""
    status, body = 0, b""

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    async def answer() -> None:
        await response(cast("Scope", {"type": "http"}), receive, send)

    anyio.run(answer)
    return status, body.decode()


def patient() -> Request:
    """A request whose client waits."""

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    return Request({"type": "http"}, receive)


def drafted() -> PendingResponse:
    return PendingResponse("id", ResponseBody(model="tester", input="Hi"), ChatRequest("model", ()))


@CASES
def test_a_stream_of_the_api_names_the_end(end: Callable[[LiveReply], object], told: Told) -> None:
    _, body = sent(ReplyStream(ended(end)))
    *events, closing = body.strip().split("\n\n")
    assert closing == "data: [DONE]"
    lines = [dict(line.split(": ", 1) for line in event.splitlines()) for event in events]
    said = [(line["event"], json.loads(line["data"])) for line in lines[2:]]
    assert [(name, data.get("finishReason") or data["code"]) for name, data in said] == told.events


@CASES
@pytest.mark.parametrize("reports_usage", [True, False])
def test_a_completion_that_was_cut_off_has_an_error_and_no_done(
    end: Callable[[LiveReply], object], told: Told, *, reports_usage: bool
) -> None:
    _, body = sent(CompletionStream(ended(end), model="tester", reports_usage=reports_usage))
    chunks = [line.removeprefix("data: ") for line in body.split("\n\n") if line]
    assert (chunks[-1] == "[DONE]") == (told.finish_reason is not None)
    known = [json.loads(chunk) for chunk in chunks if chunk != "[DONE]"]
    reasons = {choice["finish_reason"] for chunk in known for choice in chunk.get("choices", ())}
    assert reasons - {None} == ({told.finish_reason} if told.finish_reason else set())
    assert [chunk["error"]["code"] for chunk in known if "error" in chunk] == [
        *([told.error_code] if told.error_code else [])
    ]


@CASES
def test_a_response_that_was_cut_off_is_never_completed(
    end: Callable[[LiveReply], object], told: Told
) -> None:
    _, body = sent(ResponseStream(ended(end), drafted()))
    assert "[DONE]" not in body
    name, data = body.strip().split("\n\n")[-1].split("\n")
    response = json.loads(data.removeprefix("data: "))["response"]
    assert (name, response["status"]) == (f"event: response.{told.response}", told.response)
    details = response["incomplete_details"]
    assert (details["reason"] if details else None) == told.why_incomplete
    assert bool(response["error"]) == (told.error_code is not None)
    if told.response != "failed":
        assert response["output"][0]["content"][0]["text"] == "Half of"
        assert response["output"][0]["status"] == told.response


@CASES
def test_a_whole_answer_is_never_a_cut_one(end: Callable[[LiveReply], object], told: Told) -> None:
    async def completion() -> Any:
        return await whole(ended(end), model="tester", request=patient())

    async def response() -> Any:
        return await _whole(ended(end), drafted(), patient())

    for answer in (completion, response):
        status, body = sent(anyio.run(answer))
        assert status == told.status
        assert ("error" in json.loads(body) and json.loads(body)["error"] is not None) == (status != 200)
        assert ("Half of" in body) == (status == 200)


@CASES
def test_a_tool_call_that_was_cut_off_is_an_error_with_what_had_arrived(
    end: Callable[[LiveReply], object], told: Told
) -> None:
    async def call() -> Any:
        return await _call_result(ended(end), None)

    result = anyio.run(call)
    assert bool(result.is_error) == told.refused
    texts = [block.text for block in result.content]
    assert any("Half of" in text for text in texts)
    if told.page and not told.refused:
        assert texts[1].startswith("[Cut off" if told.page.startswith("Cut off") else f"[{told.page}")


@CASES
def test_a_command_that_was_cut_off_does_not_exit_as_if_all_was_well(
    end: Callable[[LiveReply], object], told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _report(ended(end).snapshot()) == told.exit_code
    assert told.page.lower()[:7] in capsys.readouterr().err.lower()


def page_of_a_reply() -> None:
    import streamlit as st

    from personachat.ui.chat.transcript import draw_outcome

    draw_outcome(st.session_state["reply"])


@CASES
def test_the_page_and_an_export_say_how_it_ended(end: Callable[[LiveReply], object], told: Told) -> None:
    reply = ended(end).snapshot()
    page = AppTest.from_function(page_of_a_reply, default_timeout=30)
    page.session_state["reply"] = reply
    page.run()
    shown = [*(box.value for box in page.error), *(text.value for text in page.markdown)]
    assert bool(shown) == bool(told.page)
    assert told.page in " ".join(shown)
    assert told.export in _exported(reply)


def _exported(reply: Reply) -> str:
    head = Conversation(id="c", owner="local", title="Title")
    turn = Turn("t", None, "assistant", "", "tester", "Tester", reply=reply)
    return markdown_of(head, [turn])


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (LiveReply.interrupt, 503),
        (lambda live_reply: live_reply.end(Failed.of(TooManyReplies("Full."))), 429),
    ],
    ids=["the server ended", "all places are taken"],
)
def test_what_ends_before_it_begins_is_a_status(end: Callable[[LiveReply], object], status: int) -> None:
    live_reply = LiveReply()
    end(live_reply)
    for stream in (
        ReplyStream(live_reply),
        CompletionStream(live_reply, model="tester", reports_usage=False),
        ResponseStream(live_reply, drafted()),
    ):
        assert sent(stream)[0] == status
