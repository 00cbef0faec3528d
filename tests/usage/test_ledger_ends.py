"""However a call ends, its row says so, with what is known of it and nothing that is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from personachat.conversations.tables import conversations
from personachat.errors import DatabaseUnavailable
from personachat.history.organizing import purge
from personachat.owners import LOCAL_OWNER
from personachat.personas.token_estimates import estimate_tokens
from personachat.services import Services, build_services
from personachat.settings import load_settings
from personachat.stamps import now
from personachat.usage import ledger
from personachat.usage.questions import UsageQuery
from personachat.usage.tables import usage_calls, usage_quarters
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, chunk, events, failure, tokens
from tests.providers.embedded_replies import needs_model
from tests.usage.conftest import ledger_of, only_row, over


def sums_of(services: Services) -> tuple[int, int | None, float | None]:
    with services.database.read() as connection:
        columns = (usage_quarters.c.calls, usage_quarters.c.completion_tokens, usage_quarters.c.cost_usd)
        found = connection.execute(select(*(func.sum(column) for column in columns))).one()
    return found[0] or 0, found[1], found[2]


def test_a_running_call_has_a_row_that_says_so(services: Services, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["Hel", gate, "lo"]))
    reply = local(services).chat.begin("Hi", persona_id="tester")
    gate.wait_reached()
    row = only_row(services)
    assert (row["outcome"], row["finish_reason"]) == ("running", None)
    assert sums_of(services) == (0, None, None)
    gate.open()
    over(reply)
    assert only_row(services)["outcome"] == "finished"
    assert sums_of(services)[0] == 1


def test_a_stopped_call_has_what_came_by_an_estimate(services: Services, fake: FakeProvider) -> None:
    services.personas.save(persona_text("priced", model="gpt-4o"))
    gate = Gate()
    fake.enqueue(tokens(["These words ", "came.", gate, " These not."]))
    reply = local(services).chat.begin("Hi", persona_id="priced")
    gate.wait_reached()
    while reply.snapshot().text != "These words came.":
        reply.wait(reply.version[0], timeout_seconds=10)
    reply.stop()
    row = only_row(services)
    gate.open()
    assert (row["outcome"], row["finish_reason"], row["estimated"]) == ("stopped", "stopped", True)
    assert row["completion_tokens"] == estimate_tokens("These words came.")
    assert row["prompt_tokens"] > 0
    assert row["cost_usd"] > 0
    assert (row["cached_tokens"], row["reasoning_tokens"]) == (None, None)


def test_stopped_before_anything_came_nothing_is_known(services: Services, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens([gate, "never"]))
    reply = local(services).chat.begin("Hi", persona_id="tester")
    gate.wait_reached()
    reply.stop()
    row = only_row(services)
    gate.open()
    assert (row["outcome"], row["estimated"]) == ("stopped", False)
    names = ("prompt_tokens", "completion_tokens", "cost_usd", "first_token_ms")
    assert [row[name] for name in names] == [None] * len(names)


def test_a_failed_call_keeps_its_error_and_what_came(services: Services, fake: FakeProvider) -> None:
    fake.enqueue(events(chunk("Half of it"), {"error": {"message": "boom", "code": 500}}, done=False))
    over(local(services).chat.begin("Hi", persona_id="tester"))
    row = only_row(services)
    assert (row["outcome"], row["finish_reason"]) == ("failed", None)
    assert row["error_code"]
    assert (row["estimated"], row["completion_tokens"]) == (True, estimate_tokens("Half of it"))


def test_a_refused_call_is_failed_and_says_why(services: Services, fake: FakeProvider) -> None:
    fake.enqueue(failure(401, "Wrong key"))
    over(local(services).chat.begin("Hi", persona_id="tester"))
    row = only_row(services)
    assert (row["outcome"], row["error_code"]) == ("failed", "api_key_refused")
    assert (row["prompt_tokens"], row["cost_usd"]) == (None, None)


def test_one_too_many_is_a_failed_call(make_services: Callable[..., Services], fake: FakeProvider) -> None:
    services = make_services(max_concurrent_replies=1)
    gate = Gate()
    fake.enqueue(tokens([gate, "slow"]))
    first = local(services).chat.begin("Hi", persona_id="tester")
    gate.wait_reached()
    over(local(services).chat.begin("Me too", persona_id="tester"))
    gate.open()
    over(first)
    assert [row["error_code"] for row in ledger_of(services)] == [None, "too_many_replies"]


def test_cached_and_reasoning_tokens_are_kept_and_0_is_not_null(
    services: Services, fake: FakeProvider
) -> None:
    counts = {
        "prompt_tokens": 50,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 12},
    }
    fake.enqueue(events(chunk("Hi"), chunk({}, finish="stop"), {"choices": [], "usage": counts}))
    over(local(services).chat.begin("Hi", persona_id="tester"))
    row = only_row(services)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (50, 20)
    assert (row["cached_tokens"], row["reasoning_tokens"]) == (0, 12)


def test_usage_that_grows_with_every_chunk_counts_once(services: Services, fake: FakeProvider) -> None:
    grown = [
        chunk(part, usage={"prompt_tokens": 7, "completion_tokens": n}) for n, part in enumerate("abc", 1)
    ]
    fake.enqueue(events(*grown, chunk({}, finish="stop")))
    over(local(services).chat.begin("Hi", persona_id="tester"))
    row = only_row(services)
    assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (7, 3, False)


def test_a_model_without_a_price_has_no_cost(services: Services) -> None:
    services.personas.save(persona_text("homely", model="our-own-model"))
    over(local(services).chat.begin("Hi", persona_id="homely"))
    row = only_row(services)
    assert row["prompt_tokens"] is not None
    assert row["cost_usd"] is None


@pytest.mark.parametrize("made_up", [10**30, 2**63, -5])
def test_counts_that_nobody_can_have_counted_are_not_known(
    services: Services, fake: FakeProvider, made_up: int
) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": made_up, "completion_tokens": 2}}
    fake.enqueue(events(chunk("Hi"), chunk({}, finish="stop"), usage))
    over(local(services).chat.begin("Hi", persona_id="tester", temporary=True))
    row = only_row(services)
    assert (row["outcome"], row["estimated"], row["completion_tokens"]) == ("finished", True, 2)


@needs_model
def test_the_embedded_model_costs_nothing_and_its_tokens_are_counted(services: Services) -> None:
    services.personas.save(persona_text("offline", maxTokens=4))
    over(local(services).chat.begin("Hi", persona_id="offline", offline=True))
    row = only_row(services)
    assert (row["provider"], row["cost_usd"]) == ("local", 0)
    assert row["prompt_tokens"] > 0
    assert row["completion_tokens"] > 0


def test_a_continued_reply_is_a_call_of_its_own_with_what_it_took(
    services: Services, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["The first "], finish="length", usage=(10, 4)), tokens(["second"], usage=(15, 6)))
    chat = local(services).chat
    reply = over(chat.begin("Hi", persona_id="tester"))
    services.ledger.settle()
    goes_on = over(chat.continue_reply(reply.id))
    first, second = ledger_of(services)
    assert (first["finish_reason"], second["finish_reason"]) == ("length", "stop")
    assert [(r["prompt_tokens"], r["completion_tokens"]) for r in (first, second)] == [(10, 4), (15, 6)]
    assert first["turn_id"] == second["turn_id"] == reply.id
    assert goes_on.snapshot().duration_seconds == pytest.approx(
        (first["duration_ms"] + second["duration_ms"]) / 1000, abs=0.01
    )
    assert second["first_token_ms"] is not None


def test_a_paused_call_runs_until_it_is_stopped(services: Services, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["Before", gate, "after"]))
    reply = local(services).chat.begin("Hi", persona_id="tester")
    gate.wait_reached()
    while not reply.snapshot().text:
        reply.wait(reply.version[0], timeout_seconds=10)
    reply.pause()
    assert only_row(services)["outcome"] == "running"
    reply.stop()
    gate.open()
    row = only_row(services)
    assert (row["outcome"], row["completion_tokens"]) == ("stopped", estimate_tokens("Before"))


def test_what_a_shutdown_cuts_off_is_interrupted(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services()
    gate = Gate()
    fake.enqueue(tokens(["Half", gate]))
    reply = local(services).chat.begin("Hi", persona_id="tester")
    gate.wait_reached()
    while not reply.snapshot().text:
        reply.wait(reply.version[0], timeout_seconds=10)
    services.close()
    gate.open()
    row = only_row(make_services())
    assert (row["outcome"], row["completion_tokens"]) == ("interrupted", estimate_tokens("Half"))


LIFE = """
import sys
from personachat.services import build_services
from personachat.settings import load_settings
services = build_services(load_settings())
generation = services.of("local", surface="cli").chat.begin("Hi", persona_id="tester", temporary=True)
seen = 0
while True:
    seen += len(generation.wait(seen, timeout_seconds=30))
    if generation.snapshot().text == "Counted.":
        services.ledger.settle()
        services.ledger._save(refresh=True)
        print("ready", flush=True)
"""


def test_after_kill_9_the_row_says_interrupted_with_what_was_counted(
    fake: FakeProvider, tmp_path: Path
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["Counted.", gate]))
    settings = {"personas_dir": tmp_path / "personas", "data_dir": tmp_path / "data"}
    (tmp_path / "personas").mkdir()
    (tmp_path / "personas" / "tester.json").write_text(persona_text(), "utf-8")
    environment = os.environ | {
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "sk-test-key-that-nobody-may-see",
        "PERSONACHAT_PERSONAS_DIR": str(settings["personas_dir"]),
        "PERSONACHAT_DATA_DIR": str(settings["data_dir"]),
    }
    with subprocess.Popen([sys.executable, "-c", LIFE], env=environment, stdout=subprocess.PIPE) as life:
        assert life.stdout
        assert life.stdout.readline() == b"ready\n"
        os.kill(life.pid, signal.SIGKILL)
        life.wait(30)
    gate.open()
    services = build_services(load_settings(**settings))
    try:
        usage = local(services).usage
        (call,) = usage.calls(UsageQuery(zone=ZoneInfo("UTC")), limit=10).calls
        assert (call["outcome"], call["surface"], call["purpose"]) == ("interrupted", "cli", "temporary")
        assert (call["estimated"], call["completion_tokens"]) == (True, estimate_tokens("Counted."))
        assert sums_of(services)[:2] == (1, estimate_tokens("Counted."))
    finally:
        services.close()


def test_a_running_row_is_refreshed_with_what_has_come(
    services: Services, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, written = Gate(), threading.Event()
    fake.enqueue(tokens(["Some words", gate]))
    records = services.ledger._records
    write = records.write

    def watched(rows: list[dict[str, object]], **options: object) -> None:
        write(rows, **options)  # type: ignore[arg-type]  # looser than the types on purpose
        if any(row["completion_tokens"] for row in rows):
            written.set()

    monkeypatch.setattr(records, "write", watched)
    reply = local(services).chat.begin("Hi", persona_id="tester")
    assert written.wait(30)
    row = only_row(services)
    assert (row["outcome"], row["completion_tokens"]) == ("running", estimate_tokens("Some words"))
    gate.open()
    over(reply)


def test_rows_wait_in_memory_while_the_database_is_away(
    services: Services, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    records = services.ledger._records
    tried = threading.Event()

    def fail(*_: object, **__: object) -> None:
        tried.set()
        raise DatabaseUnavailable("It is away.")

    with monkeypatch.context() as away:
        away.setattr(records, "write", fail)
        over(local(services).chat.begin("Hi", persona_id="tester", temporary=True))
        over(local(services).chat.begin("Hi", persona_id="tester", temporary=True))
        assert tried.wait(10)
        assert ledger_of(services) == []
    assert services.ledger._flush(timeout_seconds=10)
    assert [row["outcome"] for row in ledger_of(services)] == ["finished"] * 2
    assert caplog.text.count("kept in memory") == 1


def test_two_that_fail_at_once_are_told_of_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []

    def fail() -> None:
        raise DatabaseUnavailable("It is away.")

    def warn(*words: object, **_: object) -> None:
        told.append(words)
        if len(told) == 1:
            other = threading.Thread(target=services.ledger._attempt, args=(fail,))
            other.start()
            other.join()

    monkeypatch.setattr(ledger.log, "warning", warn)
    services.ledger._attempt(fail)
    assert len(told) == 1


def test_what_is_lost_in_a_long_outage_is_the_oldest_and_is_logged(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ledger, "MOST_WAITING", 2)

    def fail(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("It is away.")

    replies = []
    with monkeypatch.context() as away:
        away.setattr(services.ledger._records, "write", fail)
        for _ in range(4):
            replies.append(over(local(services).chat.begin("Hi", persona_id="tester", temporary=True)))
            services.ledger._flush(timeout_seconds=10)
    assert services.ledger._flush(timeout_seconds=10)
    assert [row["turn_id"] for row in ledger_of(services)] == [reply.id for reply in replies[2:]]
    assert "2 model calls are missing" in caplog.text


def test_a_row_that_was_written_twice_counts_once(services: Services) -> None:
    over(local(services).chat.begin("Hi", persona_id="tester"))
    row = dict(only_row(services))
    before = sums_of(services)
    services.ledger._records.write([row], owners=set(), process_id=row["process_id"])
    services.ledger._records.write(
        [row | {"outcome": "stopped", "completion_tokens": row["completion_tokens"] + 5}],
        owners=set(),
        process_id=row["process_id"],
    )
    assert sums_of(services)[:2] == (1, before[1] + 5 if before[1] else None)


def test_deleting_what_was_said_deletes_no_row(services: Services) -> None:
    reply = over(local(services).chat.begin("Hi", persona_id="tester"))
    services.ledger.settle()
    local(services).library.delete(reply.conversation_id)
    with services.database.write() as connection:
        connection.execute(update(conversations).values(deleted_at=now() - timedelta(days=4000)))
    purge(services.database)
    services.personas.delete("tester", etag=services.personas.get("tester").etag)
    assert len(ledger_of(services)) == 1


def test_only_the_retention_setting_deletes_rows_and_takes_them_out_of_the_sums(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(usage_retention_days=30)
    for _ in range(2):
        over(local(services).chat.begin("Hi", persona_id="tester"))
    old, young = (dict(row) for row in ledger_of(services))
    aged = old | {"id": "old", "began_at": now() - timedelta(days=31)}
    services.ledger._records.write([aged], owners=set(), process_id="x")
    assert sums_of(services)[0] == 3
    services.ledger._forget()
    assert {row["id"] for row in ledger_of(services)} == {old["id"], young["id"]}
    assert sums_of(services)[0] == 2
    make_services()  # without the setting
    assert len(ledger_of(services)) == 2


def test_what_is_told_of_a_failure_does_not_hold_the_number_of_retries(
    services: Services, fake: FakeProvider
) -> None:
    fake.enqueue(failure(400, "No"))
    reply = over(local(services).chat.begin("Hi", persona_id="tester"))
    services.checkpoints.settle()
    exported = local(services).library.export([reply.conversation_id], "json").content
    assert b"retries" not in exported


def test_a_call_of_another_process_is_left_to_it(services: Services) -> None:
    over(services.of(LOCAL_OWNER).chat.begin("Hi", persona_id="tester"))
    row = dict(only_row(services))
    running = row | {"outcome": "running"}
    services.ledger._records.write([running], owners=set(), process_id=row["process_id"])
    assert sums_of(services)[0] == 0
    assert services.ledger._records.interrupt() == 0
    with services.database.write() as connection:
        connection.execute(update(usage_calls).values(process_id="f" * 32))
    assert services.ledger._records.interrupt() == 1
    assert only_row(services)["outcome"] == "interrupted"
    services.ledger._records.write([row], owners=set(), process_id=row["process_id"])
    assert (only_row(services)["outcome"], sums_of(services)[0]) == ("finished", 1)
