"""OpenTelemetry: a span and figures for each call, as a collector gets them, and nothing where it is off."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from personachat.services import Services
from personachat.settings import load_settings
from personachat.telemetry import names, otel, words
from personachat.usage.words import Words
from tests.api.conftest import served
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, status, tokens
from tests.telemetry.otlp_receiver import Receiver, plain
from tests.usage.conftest import ledger_of, over

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        yield collector


@pytest.fixture
def services(receiver: Receiver, make_services: Callable[..., Services]) -> Services:
    made = make_services()
    made.personas.save(persona_text("priced", model="gpt-4o"))
    return made


def test_a_reply_is_a_span_with_the_names_of_the_conventions(
    services: Services, fake: FakeProvider, receiver: Receiver
) -> None:
    fake.enqueue(tokens(["A secret ", "answer"], usage=(70, 2)))
    reply = over(local(services).chat.begin("A secret question", persona_id="priced"))
    (row,) = ledger_of(services)
    services.close()
    (span,) = receiver.spans
    told = plain(span.attributes)
    assert span.name == "chat gpt-4o"
    assert span.kind == 3  # client
    assert {name: told.get(name) for name in told if name.startswith("gen_ai.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": row["first_token_ms"] / 1000,
        "gen_ai.usage.input_tokens": 70,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.agent.id": "priced",
        "gen_ai.agent.version": services.personas.get("priced").etag,
        "gen_ai.conversation.id": reply.conversation_id,
    }
    assert told[names.OUTCOME] == "finished"
    assert told[names.COST_USD] == row["cost_usd"]
    assert (told[names.PURPOSE], told[names.SURFACE]) == ("chat", "page")
    assert names.ERROR_TYPE not in told
    assert abs(span.start_time_unix_nano - int(row["began_at"].timestamp() * 1e9)) < 1_000_000
    took_ms = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
    assert took_ms >= row["duration_ms"] - 1
    assert span.parent_span_id == b""
    everything = b"".join(body for _, body in receiver.bodies)
    for secret in (b"secret", b"sk-test", row["owner"].encode()):
        assert secret not in everything


@pytest.mark.parametrize("asked", ["true", "SPAN_ONLY", "span_and_event "])
def test_words_are_in_spans_where_the_operator_asks_and_secrets_are_not(
    asked: str,
    receiver: Receiver,
    make_services: Callable[..., Services],
    fake: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(words.CAPTURE, asked)
    services = make_services(api_tokens=("a-token-that-is-long-enough",))
    own, pasted = "sk-test-key-that-nobody-may-see", "ghp_" + "a1" * 18
    fake.enqueue(tokens(["It is ", f"{own}."], usage=(70, 2)))
    over(local(services).chat.begin(f"Is a-token-that-is-long-enough or {pasted} mine?", persona_id="tester"))
    ledger_of(services)
    services.close()
    (span,) = receiver.spans
    told = plain(span.attributes)
    asked_for, replied = (json.loads(told[name]) for name in (names.INPUT_MESSAGES, names.OUTPUT_MESSAGES))
    assert [each["role"] for each in asked_for] == ["system", "user"]
    assert asked_for[-1]["parts"] == [{"type": "text", "content": "Is *** or *** mine?"}]
    assert replied == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "It is ***."}],
            "finish_reason": "stop",
        }
    ]
    everything = b"".join(body for _, body in receiver.bodies)
    assert not [secret for secret in (own, pasted) if secret.encode() in everything]


def test_of_a_continued_reply_each_span_has_its_own_part(
    receiver: Receiver,
    make_services: Callable[..., Services],
    fake: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(words.CAPTURE, "true")
    services = make_services()
    fake.enqueue(tokens(["One, "], finish="length"), tokens(["two."]))
    first = over(local(services).chat.begin("Count", persona_id="tester"))
    over(local(services).chat.continue_reply(first.id))
    ledger_of(services)
    services.close()
    parts = [
        json.loads(plain(span.attributes)[names.OUTPUT_MESSAGES])[0]["parts"][0]["content"]
        for span in sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    ]
    assert parts == ["One, ", "two."]


@pytest.mark.parametrize("asked", [None, "", "false", "no_content", "EVENT_ONLY", "yes please", "0"])
def test_whatever_else_the_operator_says_is_no(asked: str | None) -> None:
    assert not words.are_wanted({} if asked is None else {words.CAPTURE: asked})


def test_pictures_are_named_and_not_told() -> None:
    told = words.attributes(
        Words(
            request=lambda: {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "What is it?"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                        ],
                    },
                    {"role": "assistant", "content": None},
                ]
            }
        ),
        words.Masking([]),
        finish_reason=None,
    )
    (user, assistant) = json.loads(told[names.INPUT_MESSAGES])
    assert user["parts"] == [{"type": "text", "content": "What is it?"}, {"type": "image_url"}]
    assert assistant["parts"] == [{"type": "text", "content": ""}]
    assert names.OUTPUT_MESSAGES not in told


def test_every_secret_of_the_settings_is_masked_and_no_ordinary_word() -> None:
    settings = load_settings(
        openai_api_key="the-first-key-of-all",
        openai_base_url="https://gateway.example/v1",
        api_tokens=("a-token-that-is-long-enough",),
        metrics_token="metrics-token-that-is-long",
        database_url="postgresql://me:p%40ssword1@db.example/personachat",
    )
    masking = words.Masking.of(settings)
    for secret in (
        *("the-first-key-of-all", "a-token-that-is-long-enough", "metrics-token-that-is-long"),
        *("p@ssword1", "p%40ssword1", "AKIAIOSFODNN7EXAMPLE", "sk-proj-abcdefghijklmnop"),
    ):
        assert masking.masked(f"It is {secret}.") == "It is ***."
    text = "personachat has data at https://gateway.example/v1, sk-8 and a risk-averse task-oriented skill."
    assert masking.masked(text) == text


def test_figures_come_with_it(services: Services, fake: FakeProvider, receiver: Receiver) -> None:
    fake.enqueue(tokens(["Hi"], usage=(70, 2)), tokens(["Ho"], usage=(30, 3)), status(401))
    for _ in range(3):
        over(local(services).chat.begin("Hi", persona_id="priced"))
    rows = ledger_of(services)
    services.close()
    points = receiver.metrics["gen_ai.client.token.usage"].histogram.data_points
    sums = {plain(each.attributes)["gen_ai.token.type"]: (each.count, each.sum) for each in points}
    assert sums == {"input": (2, 100), "output": (2, 5)}
    durations = receiver.metrics["gen_ai.client.operation.duration"].histogram.data_points
    assert sum(each.count for each in durations) == 3
    failed = [each for each in durations if "error.type" in plain(each.attributes)]
    assert [plain(each.attributes)["error.type"] for each in failed] == [rows[-1]["error_code"]]
    (cost,) = receiver.metrics["personachat.cost"].sum.data_points
    assert cost.as_double == pytest.approx(sum(row["cost_usd"] or 0 for row in rows))
    assert receiver.metrics["gen_ai.client.operation.time_to_first_chunk"].unit == "s"


def test_a_span_belongs_to_the_trace_that_the_request_names(services: Services, receiver: Receiver) -> None:
    def ask(traceparent: str) -> None:
        headers = {"traceparent": traceparent, "X-Request-Id": "mine"}
        client.post("/chat", json={"message": "Hi", "personaId": "tester"}, headers=headers)

    with served(services) as client:
        ask(f"00-{TRACE}-{PARENT}-01")
        ask("00-nonsense")
        ask(f"00-{TRACE}-{PARENT}-00")
    ledger_of(services)
    services.close()
    known, unknown = receiver.spans  # who sends the third does not want it recorded
    assert (known.trace_id.hex(), known.parent_span_id.hex()) == (TRACE, PARENT)
    assert plain(known.attributes)[names.REQUEST_ID] == "mine"
    assert unknown.trace_id.hex() != TRACE
    assert unknown.parent_span_id == b""


def test_one_that_failed_and_one_that_was_stopped_say_so(
    services: Services, fake: FakeProvider, receiver: Receiver
) -> None:
    gate = Gate()
    fake.enqueue(status(401), tokens(["Hel", gate, "lo"]))
    over(local(services).chat.begin("Hi", persona_id="priced"))
    reply = local(services).chat.begin("Hi", persona_id="priced")
    gate.wait_reached()
    reply.stop()
    rows = ledger_of(services)
    gate.open()
    services.close()
    failed, stopped = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    assert (failed.status.code, plain(failed.attributes)["error.type"]) == (2, rows[0]["error_code"])
    assert "gen_ai.usage.input_tokens" not in plain(failed.attributes)
    assert (stopped.status.code, plain(stopped.attributes)[names.OUTCOME]) == (0, "stopped")


def test_the_service_is_called_as_the_operator_says(
    receiver: Receiver, make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    for given in ("", "chat-of-ours"):
        monkeypatch.setenv("OTEL_SERVICE_NAME", given)
        services = make_services()
        over(local(services).chat.begin("Hi", persona_id="tester"))
        services.close()
    assert [each["service.name"] for each in receiver.resources] == ["personachat", "chat-of-ours"]
    assert {each["deployment.environment.name"] for each in receiver.resources} == {"test"}


def test_a_collector_that_is_away_harms_nobody(
    make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as gone:
        endpoint = gone.endpoint
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    services = make_services()
    assert over(local(services).chat.begin("Hi", persona_id="tester")).state == "finished"
    assert [row["outcome"] for row in ledger_of(services)] == ["finished"]
    services.close()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"OTEL_SERVICE_NAME": "x"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
        {
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x",
        },
    ],
)
def test_nothing_is_switched_on_unasked(given: dict[str, str]) -> None:
    assert otel.observer(given) is None


@pytest.mark.parametrize(
    ("given", "traces"),
    [
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp_proto_http",)),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ("console", "otlp_proto_http")),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, ("otlp_proto_http",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, ("otlp_proto_http",)),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x"}, ()),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ("otlp_proto_grpc",)),
    ],
)
def test_the_standard_variables_choose_the_exporters(given: dict[str, str], traces: tuple[str, ...]) -> None:
    assert otel._exporters(given, "traces") == traces


def test_an_exporter_that_is_not_there_is_named(caplog: pytest.LogCaptureFixture) -> None:
    found = otel.observer({"OTEL_TRACES_EXPORTER": "zipkin"})
    assert found is not None
    found.close()
    assert "zipkin" in caplog.text


def test_without_the_extra_one_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in [name for name in sys.modules if name.startswith("opentelemetry.sdk")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)  # as if missing
    with caplog.at_level(logging.WARNING):
        assert otel.observer({"OTEL_TRACES_EXPORTER": "otlp"}) is None
    assert 'pip install "personachat[otel]"' in caplog.text


def test_nothing_of_it_is_loaded_where_it_is_off() -> None:
    program = (
        "import sys; from personachat.telemetry import otel; import personachat.services;"
        "assert otel.observer({}) is None;"
        "print([n for n in sys.modules if n.startswith(('opentelemetry', 'prometheus_client'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_api_is_always_installed_and_the_rest_is_an_extra() -> None:
    required = [str(each) for each in importlib.metadata.requires("personachat") or ()]
    assert any(each.startswith("opentelemetry-api") and "extra" not in each for each in required)
    assert any(
        each.startswith("opentelemetry-sdk") and "extra == 'otel'" in each.replace('"', "'")
        for each in required
    )


def everything_named() -> dict[str, Any]:
    return {name: value for name, value in vars(names).items() if name.isupper()}


def test_the_names_are_those_of_the_conventions() -> None:
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
    from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

    known = {v for m in (gen_ai_attributes, gen_ai_metrics) for v in vars(m).values() if isinstance(v, str)}
    ours = {value for value in everything_named().values() if str(value).startswith("gen_ai.")}
    assert ours
    assert ours <= known
