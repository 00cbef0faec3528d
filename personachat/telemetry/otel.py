"""OpenTelemetry: a span and the figures of each call that has ended, made by hand from the ledger's row.

The standard OTEL_* variables switch it on; without them nothing of it is loaded. The SDK and an exporter are
the extra `otel`. Where a program such as `opentelemetry-instrument` has set up the SDK before, its providers
are used. A span belongs to the trace that the request names in `traceparent`. Neither holds a text, unless
the operator asks for that; see `words`.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from personachat import __version__
from personachat.stamps import now
from personachat.telemetry import names, words
from personachat.telemetry.words import Masking
from personachat.usage.model import Call

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

log = logging.getLogger(__name__)

SCOPE = "personachat"
FLUSH_MILLISECONDS = 5_000

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_EXPORTERS = {"otlp": "otlp_proto_http", "console": "console"}
_PROTOCOLS = {"": "otlp_proto_http", "http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


def observer(
    environment: Mapping[str, str] | None = None, *, masking: Masking | None = None
) -> CallSpans | None:
    """What is to be told of calls; None if no variable asks for it, or the SDK is missing.

    `masking` hides the secrets in texts, where those are asked for; without it none are told.
    """
    variables = os.environ if environment is None else environment
    spans = _observer(variables)
    if spans and masking and words.are_wanted(variables):
        spans.masking = masking
    return spans


def _observer(variables: Mapping[str, str]) -> CallSpans | None:
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if _set_up_elsewhere():
        from opentelemetry import metrics, trace  # noqa: PLC0415  # only where it is wanted

        return CallSpans(trace.get_tracer_provider(), metrics.get_meter_provider())
    exporters = {signal: _exporters(variables, signal) for signal in ("traces", "metrics")}
    if not any(exporters.values()):
        return None
    try:
        return _own(exporters)
    except ImportError:
        log.warning(
            "OpenTelemetry is enabled but its SDK is missing. Install it with: pip install "
            '"personachat[otel]"'
        )
    return None


def _set_up_elsewhere() -> bool:
    """Whether this process has a tracer provider that does something."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return False
    from opentelemetry import trace  # noqa: PLC0415  # only where it is wanted
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # only where it is wanted

    return isinstance(trace.get_tracer_provider(), TracerProvider)


def _exporters(variables: Mapping[str, str], signal: str) -> tuple[str, ...]:
    """The names of a signal's exporters, as packages register them."""
    specific = f"OTEL_EXPORTER_OTLP_{signal.upper()}"
    default = "otlp" if variables.get(_ENDPOINT) or variables.get(f"{specific}_ENDPOINT") else ""
    exporters = variables.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or default
    protocol = variables.get(f"{specific}_PROTOCOL") or variables.get("OTEL_EXPORTER_OTLP_PROTOCOL") or ""
    names_of_exporters = []
    for name in filter(None, map(str.strip, exporters.split(","))):
        if name == "otlp":
            names_of_exporters.append(_PROTOCOLS.get(protocol.strip(), protocol.strip()))
        elif name != "none":
            names_of_exporters.append(_EXPORTERS.get(name, name))
    return tuple(names_of_exporters)


def _own(exporters: Mapping[str, Sequence[str]]) -> CallSpans:
    """Raises ImportError."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415  # only where it is wanted
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415  # only where it is wanted
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource  # noqa: PLC0415  # only where it is wanted
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # only where it is wanted
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # only where it is wanted

    # What the operator says in OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES wins.
    from_environment = Resource.create()
    named = (
        from_environment.attributes[SERVICE_NAME]
        if not _is_unnamed(from_environment.attributes[SERVICE_NAME])
        else SCOPE
    )
    resource = (
        Resource({SERVICE_VERSION: __version__})
        .merge(from_environment)
        .merge(Resource({SERVICE_NAME: named}))
    )
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    for exporter in _loaded("traces", exporters["traces"]):
        traces.add_span_processor(BatchSpanProcessor(exporter))
    readers = [
        PeriodicExportingMetricReader(exporter) for exporter in _loaded("metrics", exporters["metrics"])
    ]
    meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)

    def close() -> None:
        traces.force_flush(FLUSH_MILLISECONDS)
        traces.shutdown()
        meters.shutdown(FLUSH_MILLISECONDS)

    return CallSpans(traces, meters, close=close)


def _is_unnamed(name: object) -> bool:
    return str(name).partition(":")[0] == "unknown_service"


def _loaded(signal: str, exporter_names: Sequence[str]) -> list[Any]:
    """The exporters of these names. Each reads its own OTEL_* variables. Raises ImportError."""
    exporters = []
    for name in exporter_names:
        points = importlib.metadata.entry_points(group=f"opentelemetry_{signal}_exporter", name=name)
        if not points:
            log.warning("There is no OpenTelemetry exporter for %s named %.40r", signal, name)
        exporters += [point.load()() for point in list(points)[:1]]
    return exporters


class CallSpans:
    """An `Observer`. `close` sends what is left, where this process has set up the providers itself."""

    def __init__(
        self, traces: TracerProvider, meters: MeterProvider, *, close: Callable[[], None] = lambda: None
    ) -> None:
        from opentelemetry import propagate, trace  # noqa: PLC0415  # only where it is wanted

        self.masking: Masking | None = None
        """For texts, where spans are to have them."""
        self._trace = trace
        self._extract = propagate.extract
        self._close = close
        self._tracer = traces.get_tracer(SCOPE, __version__)
        meter = meters.get_meter(SCOPE, __version__)
        self._tokens = meter.create_histogram(
            names.TOKEN_USAGE,
            unit="{token}",
            description="Tokens of a call.",
            explicit_bucket_boundaries_advisory=names.TOKEN_BOUNDARIES,
        )
        self._duration = meter.create_histogram(
            names.OPERATION_DURATION,
            unit="s",
            description="Duration of a call, without pauses.",
            explicit_bucket_boundaries_advisory=names.DURATION_BOUNDARIES,
        )
        self._first_chunk = meter.create_histogram(
            names.OPERATION_TIME_TO_FIRST_CHUNK,
            unit="s",
            description="Time to the first token.",
            explicit_bucket_boundaries_advisory=names.FIRST_CHUNK_BOUNDARIES,
        )
        self._cost = meter.create_counter(
            names.COST, unit="{USD}", description="Cost at list prices, if known."
        )

    def ended(self, call: Call, row: Mapping[str, Any]) -> None:
        self._make_span(call, row)
        self._measure(row)

    def close(self) -> None:
        self._close()

    def _make_span(self, call: Call, row: Mapping[str, Any]) -> None:
        trace, request = self._trace, call.request
        carrier = {"traceparent": request.traceparent, "tracestate": request.tracestate}
        parent = self._extract({name: value for name, value in carrier.items() if value})
        span = self._tracer.start_span(
            f"{names.CHAT} {row['model']}" if row["model"] else names.CHAT,
            context=parent,
            kind=trace.SpanKind.CLIENT,
            attributes=_attributes(call, row) | self._words(call, row),
            start_time=_nanoseconds(call.began_at),
        )
        if row["outcome"] in {"failed", "interrupted"}:
            span.set_status(trace.StatusCode.ERROR, row["error_code"] or row["outcome"])
        span.end(_nanoseconds(max(call.began_at, call.ended_at or now())))

    def _words(self, call: Call, row: Mapping[str, Any]) -> dict[str, str]:
        if not self.masking or not call.words:
            return {}
        return words.attributes(call.words, self.masking, finish_reason=row["finish_reason"])

    def _measure(self, row: Mapping[str, Any]) -> None:
        common = _without_none(
            {
                names.OPERATION_NAME: names.CHAT,
                names.PROVIDER_NAME: row["provider"],
                names.REQUEST_MODEL: row["model_asked"] or row["model"],
                names.RESPONSE_MODEL: row["model"],
            }
        )
        for kind, name in (("input", "prompt_tokens"), ("output", "completion_tokens")):
            if row[name] is not None:
                self._tokens.record(row[name], common | {names.TOKEN_TYPE: kind})
        if row["first_token_ms"] is not None:
            self._first_chunk.record(row["first_token_ms"] / 1000, common)
        if row["duration_ms"] is not None:
            error = {names.ERROR_TYPE: row["error_code"]} if row["error_code"] else {}
            self._duration.record(row["duration_ms"] / 1000, common | error)
        if row["cost_usd"]:
            self._cost.add(row["cost_usd"], common)


def _attributes(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    first = row["first_token_ms"]
    return _without_none(
        {
            names.OPERATION_NAME: names.CHAT,
            names.PROVIDER_NAME: row["provider"],
            names.REQUEST_MODEL: row["model_asked"] or row["model"],
            names.RESPONSE_MODEL: row["model"],
            names.FINISH_REASONS: [row["finish_reason"]] if row["finish_reason"] else None,
            names.TIME_TO_FIRST_CHUNK: None if first is None else first / 1000,
            names.INPUT_TOKENS: row["prompt_tokens"],
            names.OUTPUT_TOKENS: row["completion_tokens"],
            names.CACHED_TOKENS: row["cached_tokens"],
            names.REASONING_TOKENS: row["reasoning_tokens"],
            names.AGENT_ID: row["persona_id"],
            names.AGENT_VERSION: row["persona_revision"],
            names.CONVERSATION_ID: row["conversation_id"],
            names.ERROR_TYPE: row["error_code"],
            names.PURPOSE: row["purpose"],
            names.SURFACE: row["surface"],
            names.OUTCOME: row["outcome"],
            names.COST_USD: row["cost_usd"],
            names.ESTIMATED: row["estimated"],
            names.RETRIES: row["retries"],
            names.REQUEST_ID: call.request.id,
            names.TURN_ID: row["turn_id"],
        }
    )


def _without_none(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What is not known is left out."""
    return {name: value for name, value in attributes.items() if value is not None and value != ""}


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
