"""The server's log as JSON: one line for each reply, with the ledger's figures and nobody's words."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from personachat.conversations.tables import turns
from personachat.errors import SettingsInvalid
from personachat.messages import Failed
from personachat.request_context import RequestContext, current_request
from personachat.services import Services
from personachat.settings import load_settings
from personachat.telemetry.logs import REPLIES, JsonLines, PlainLines, ReplyLines
from tests.api.conftest import served
from tests.conftest import local
from tests.fake_provider import FakeProvider, Gate, status, tokens
from tests.usage.conftest import ledger_of, over

NASTY = (
    "a\nb",
    "a\r\n{}",
    'x"}\n{"level": "info", "message": "forged"}',
    "\u2028",
    "\u2029\x85\x0b\x0c",
    "\x1b[31mred\x1b[0m",
    "\x00",
    "\ud800",
    "%s %d",
)


class Written(logging.StreamHandler[io.StringIO]):
    """Keeps what is logged."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__(io.StringIO())
        self.setFormatter(formatter)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(log_level="info")


@pytest.fixture
def written() -> Iterator[Written]:
    """What is logged of replies, from info on."""
    handler = Written(JsonLines())
    replies = logging.getLogger(REPLIES)
    level = replies.level
    replies.addHandler(handler)
    replies.setLevel(logging.INFO)
    yield handler
    replies.removeHandler(handler)
    replies.setLevel(level)


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "personachat.test", "levelno": 20, "levelname": "INFO"})
    made.msg, made.args = message, arguments
    made.__dict__ |= more
    return made


def test_each_reply_has_one_line_with_the_figures_of_its_row(
    services: Services, fake: FakeProvider, written: Written
) -> None:
    fake.enqueue(tokens(["A secret ", "answer"], usage=(7, 2)), status(401))
    for _ in range(2):
        over(local(services).chat.begin("A secret question", persona_id="tester"))
    rows = ledger_of(services)
    assert [line["id"] for line in written.lines] == [row["id"] for row in rows]
    for line, row in zip(written.lines, rows, strict=True):
        figures = {name: line[name] for name in row if name in line and name != "began_at"}
        assert figures == {name: row[name] for name in figures}
        for name in ("prompt_tokens", "cost_usd", "first_token_ms", "duration_ms", "retries", "error_code"):
            assert name in line
    assert [line["level"] for line in written.lines] == ["info", "warning"]
    assert all(re.fullmatch("req_[0-9a-f]{32}", line["request_id"]) for line in written.lines)
    assert len({line["request_id"] for line in written.lines}) == 2
    assert "secret" not in written.text
    assert "sk-test" not in written.text
    assert rows[0]["owner"] not in written.text


def test_a_pages_turn_that_fails_says_the_id_of_its_line_also_later_on(
    services: Services, fake: FakeProvider, written: Written
) -> None:
    fake.enqueue(status(401), status(401))
    mine = local(services)
    replies = [over(mine.chat.begin("Hi", persona_id="tester")) for _ in range(2)]
    ledger_of(services)
    ids = [line["request_id"] for line in written.lines]
    assert [(each.snapshot().error or pytest.fail("none")).request_id for each in replies] == ids
    services.checkpoints.settle()
    with services.database.read() as connection:
        found = select(turns.c.error).where(turns.c.id.in_([each.id for each in replies]))
        stored = connection.execute(found.order_by(turns.c.number)).scalars().all()
    assert [Failed(**each).request_id for each in stored] == ids


def test_what_is_logged_while_a_pages_reply_is_made_has_its_id(
    services: Services, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(type(services.providers.named("openai")), "stream", broken)
    engine = logging.getLogger("personachat.replies.engine")
    engine.addHandler(written)
    try:
        over(local(services).chat.begin("Hi", persona_id="tester"))
    finally:
        engine.removeHandler(written)
    ledger_of(services)
    first, last = written.lines
    assert first["logger"] == "personachat.replies.engine"
    assert first["request_id"] == last["request_id"]


def test_no_place_left_is_told_with_an_id(make_services: Callable[..., Services], fake: FakeProvider) -> None:
    services = make_services(max_concurrent_replies=1)
    gate = Gate()
    fake.enqueue(tokens([gate, "late"]))
    local(services).chat.begin("Hi", persona_id="tester")
    gate.wait_reached()
    refused = over(local(services).chat.begin("Hi", persona_id="tester")).snapshot().error
    gate.open()
    assert refused is not None
    assert refused.code == "too_many_replies"
    assert refused.request_id.startswith("req_")


def test_a_line_has_the_id_that_the_answer_has(services: Services, written: Written) -> None:
    message = {"message": "Hi", "personaId": "tester"}
    with served(services) as client:
        told = [client.post("/chat", json=message).headers["x-request-id"]]
        told.append(
            client.post("/chat", json=message, headers={"X-Request-Id": "mine"}).headers["x-request-id"]
        )
        body = {"model": "tester", "messages": [{"role": "user", "content": "Hi"}]}
        url = str(client.base_url.join("/v1/chat/completions"))
        told.append(client.post(url, json=body, headers={"X-Request-Id": "v1"}).headers["x-request-id"])
        rows = ledger_of(services)
        listed = client.get("/usage").json()["calls"]
    assert told[1:] == ["mine", "v1"]
    assert [line["request_id"] for line in written.lines] == told
    assert [row["request_id"] for row in rows] == told
    assert [each["requestId"] for each in listed] == told[::-1]


def test_a_reply_that_the_database_cannot_take_has_its_line(
    services: Services, fake: FakeProvider, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    fake.enqueue(tokens([gate, "Hi"]))
    reply = local(services).chat.begin("Hi", persona_id="tester")
    gate.wait_reached()

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("personachat.usage.records.SqlUsage.write", fail)
    gate.open()
    over(reply)
    for _ in range(3):
        assert not services.ledger._flush(timeout_seconds=5)
    monkeypatch.undo()
    ledger_of(services)
    assert [line["outcome"] for line in written.lines] == ["finished"]


def test_nothing_is_said_of_replies_unless_the_settings_ask_for_it(
    make_services: Callable[..., Services], fake: FakeProvider, written: Written
) -> None:
    silent = make_services()
    fake.enqueue(status(401))
    over(local(silent).chat.begin("Hi", persona_id="tester"))
    assert [row["outcome"] for row in ledger_of(silent)] == ["failed"]
    assert written.lines == []


def test_where_there_is_a_log_a_failed_reply_is_in_it_without_any_setting(
    make_services: Callable[..., Services],
    fake: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("personachat.telemetry.logs._handler", logging.NullHandler())
    services = make_services()
    over(local(services).chat.begin("Hi", persona_id="tester"))
    fake.enqueue(status(401))
    over(local(services).chat.begin("Hi", persona_id="tester"))
    ledger_of(services)
    said = [record for record in caplog.records if record.name == REPLIES]
    assert [record.getMessage() for record in said] == ["A reply is over: failed"]
    assert [record.levelname for record in said] == ["WARNING"]


def test_a_call_without_a_row_harms_no_other(
    services: Services, written: Written, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr("personachat.usage.ledger.row_of", fail)
    fail_once = over(local(services).chat.begin("Hi", persona_id="tester"))
    assert ledger_of(services) == []
    monkeypatch.undo()
    over(local(services).chat.begin("Hi", persona_id="tester"))
    (row,) = ledger_of(services)
    assert [line["turn_id"] for line in written.lines] == [row["turn_id"]]
    assert fail_once.state == "finished"
    assert "A model call couldn't be recorded" in caplog.text


def test_a_stopped_reply_has_a_line(services: Services, fake: FakeProvider, written: Written) -> None:
    gate = Gate()
    fake.enqueue(tokens(["Hel", gate, "lo"]))
    reply = local(services).chat.begin("Hi", persona_id="tester")
    gate.wait_reached()
    reply.stop()
    ledger_of(services)
    gate.open()
    assert [line["outcome"] for line in written.lines] == ["stopped"]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("formatter", [JsonLines(), PlainLines()], ids=["json", "text"])
def test_nothing_that_is_logged_begins_a_line_of_its_own(formatter: logging.Formatter, text: str) -> None:
    for made in (
        record("It is %s", text),
        record(text.replace("%", "%%")),
        record("A reply is over", figures={"model": text, "persona_id": text}),
    ):
        line = formatter.format(made)
        assert line.isprintable()
        assert len(line.splitlines()) == 1
        line.encode("utf-8")
        if isinstance(formatter, JsonLines):
            assert json.loads(line)["level"] == "info"


def test_json_gives_back_what_was_logged() -> None:
    for text in NASTY:
        line = json.loads(JsonLines().format(record("It is %s", text, figures={"model": text})))
        assert (line["message"], line["model"]) == (f"It is {text}", text)


def test_an_error_is_told_by_its_type_and_place_and_not_by_its_words() -> None:
    try:
        try:
            raise KeyError("a secret of somebody")  # noqa: TRY301  # the fault under test
        except KeyError as error:
            raise ValueError("another secret") from error
    except ValueError as error:
        failed = record("It failed", exc_info=(type(error), error, error.__traceback__))
    text = JsonLines().format(failed)
    line = json.loads(text)
    assert (line["error"], line["because_of"]) == ("ValueError", ["KeyError"])
    assert "test_log_lines.py" in line["traceback"][-1]
    assert "secret" not in text


def test_a_line_within_a_request_has_its_id() -> None:
    token = current_request.set(RequestContext("req-7"))
    try:
        assert json.loads(JsonLines().format(record("Hi")))["request_id"] == "req-7"
    finally:
        current_request.reset(token)


def test_what_cannot_be_put_together_is_logged_as_it_is() -> None:
    assert json.loads(JsonLines().format(record("%d and %d", "x")))["message"] == "%d and %d"


def test_an_access_line_leaves_the_query_out() -> None:
    made = record(
        '%s - "%s %s HTTP/%s" %d',
        "127.0.0.1:1",
        "GET",
        "/shared?key=secret",
        "1.1",
        200,
        name="uvicorn.access",
    )
    line = json.loads(JsonLines().format(made))
    assert (line["message"], line["status"]) == ("GET /shared 200", 200)
    assert "secret" not in json.dumps(line)


def test_nobody_puts_a_line_together_that_nobody_reads(services: Services) -> None:
    logging.getLogger(REPLIES).setLevel(logging.ERROR)
    try:
        ReplyLines().ended(None, {"outcome": "finished"})  # type: ignore[arg-type]  # it is not looked at
    finally:
        logging.getLogger(REPLIES).setLevel(logging.NOTSET)


PROGRAM = """
import logging, sys, warnings
from personachat.settings import load_settings
from personachat.front import server_logs
from personachat.ui import streamlit_logs
settings = load_settings()
if settings.log_format == "json":
    server_logs.leave_to_root()
streamlit_logs.follow(settings)
streamlit_logs.follow(settings)
import uvicorn, streamlit.logger
uvicorn.Config(lambda: None)
logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/x?y=z", "1.1", 200)
streamlit.logger.init_uvicorn_logs()
streamlit.logger.get_logger("streamlit.early").warning("from Streamlit\\nforged")
streamlit.logger.get_logger("streamlit.early").warning("cleared\\x1b[2J\\u2028forged")
streamlit.logger.get_logger("root").warning("of Streamlit's root")
logging.getLogger("personachat.here").info("ours")
logging.getLogger("personachat.here").debug("ours in detail")
logging.getLogger("httpx2").info("theirs")
logging.getLogger("openai").debug("theirs with words")
logging.getLogger("somebody").warning("heard")
warnings.warn("a warning")
"""


def logged(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stderr.splitlines()


def test_every_line_of_the_server_is_json_and_nobody_tells_what_they_send() -> None:
    lines = [
        json.loads(line) for line in logged(PERSONACHAT_LOG_FORMAT="json", PERSONACHAT_LOG_LEVEL="debug")
    ]
    told = [line["message"] for line in lines]
    assert told[:8] == [
        "Started server process [7]",
        "GET /x 200",
        "from Streamlit\nforged",
        "cleared\x1b[2J\u2028forged",
        "of Streamlit's root",
        "ours",
        "ours in detail",
        "heard",
    ]
    assert len(told) == 9
    assert "a warning" in told[8]


def test_text_with_a_level_stays_on_its_line() -> None:
    lines = logged(PERSONACHAT_LOG_LEVEL="info")
    assert any(line.endswith("INFO personachat.here: ours") for line in lines)
    assert any(line.endswith("from Streamlit\\nforged") for line in lines)
    assert not any("detail" in line or "theirs" in line for line in lines)


@pytest.mark.parametrize("level", ["", "warning"])
def test_what_visitors_send_stays_on_its_line_whatever_the_settings_say(level: str) -> None:
    lines = logged(PERSONACHAT_LOG_LEVEL=level) if level else logged()
    assert sum(line.endswith("from Streamlit\\nforged") for line in lines) == 1
    assert sum(line.endswith("cleared\\x1b[2J\\u2028forged") for line in lines) == 1
    assert all(line.isprintable() for line in lines)
    assert not any("GET /x" in line for line in lines)


@pytest.mark.parametrize("name", ["log_format", "log_level"])
def test_an_unknown_format_or_level_stops_the_start(
    name: str, monkeypatch: pytest.MonkeyPatch, make_services: Callable[..., Services]
) -> None:
    variable = f"PERSONACHAT_{name.upper()}"
    monkeypatch.setenv(variable, "verbose")
    with pytest.raises(SettingsInvalid, match=variable):
        load_settings()
