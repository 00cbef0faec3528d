"""What /metrics says: the calls that have ended in this process, as counters and histograms.

The registry is this module's own. The number of series is bounded: where too many personas or models have
been seen, what comes after them is counted as `other`. No label holds a secret, a person or a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

from personachat import __version__
from personachat.usage.model import Call

MOST_SERIES = 1_000
"""Of how many combinations of persona, model and purpose each is counted by itself."""

OTHER = "other"

_CALL = ("persona", "model", "purpose")
_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_TOKENS = ("prompt", "completion", "cached", "reasoning")


class CallFigures:
    """An `Observer`. `running` says how many replies are being generated."""

    def __init__(self, *, running: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        self._series_seen: set[tuple[str, ...]] = set()
        self._calls = Counter(
            "personachat_calls", "Finished model calls.", (*_CALL, "outcome"), registry=registry
        )
        self._failures = Counter(
            "personachat_failures",
            "Failed model calls, by error code.",
            ("model", "code"),
            registry=registry,
        )
        self._retries = Counter(
            "personachat_retries", "Failed requests that were repeated.", ("model",), registry=registry
        )
        self._tokens = Counter(
            "personachat_tokens",
            "Tokens. Cached tokens are included in the prompt's, reasoning tokens in the completion's.",
            (*_CALL, "kind"),
            registry=registry,
        )
        self._cost = Counter(
            "personachat_cost_usd", "Cost at list prices, if known.", _CALL, registry=registry
        )
        self._unpriced = Counter(
            "personachat_unpriced_calls", "Calls whose cost is unknown.", _CALL, registry=registry
        )
        self._first_token = Histogram(
            "personachat_first_token_seconds",
            "Time to the first token.",
            ("model", "purpose"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._duration = Histogram(
            "personachat_call_seconds",
            "Duration of a call, without pauses.",
            ("model", "purpose"),
            buckets=_SECONDS,
            registry=registry,
        )
        replies = Gauge("personachat_running_replies", "Replies being generated.", registry=registry)
        replies.set_function(running)
        Info("personachat", "Information about this build.", registry=registry).info({"version": __version__})
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def ended(self, _call: Call, row: Mapping[str, Any]) -> None:
        series = self._series(row)
        _, model, purpose = series
        self._calls.labels(*series, row["outcome"]).inc()
        if row["error_code"]:
            self._failures.labels(*self._bounded((model, row["error_code"]))).inc()
        if row["retries"]:
            self._retries.labels(model).inc(row["retries"])
        for kind in _TOKENS:
            if row[f"{kind}_tokens"]:
                self._tokens.labels(*series, kind).inc(row[f"{kind}_tokens"])
        if row["cost_usd"] is None:
            self._unpriced.labels(*series).inc()
        else:
            self._cost.labels(*series).inc(row["cost_usd"])
        if row["first_token_ms"] is not None:
            self._first_token.labels(model, purpose).observe(row["first_token_ms"] / 1000)
        if row["duration_ms"] is not None:
            self._duration.labels(model, purpose).observe(row["duration_ms"] / 1000)

    def close(self) -> None:
        """Nothing is open."""

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All figures, and their media type, as who asks accepts them."""
        encoder, media_type = choose_encoder(accept)
        return encoder(self._registry), media_type

    def _series(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        labels = (row["persona_id"] or "", row["model"] or "", row["purpose"])
        return self._bounded(labels, instead=(OTHER, OTHER, row["purpose"]))

    def _bounded(self, labels: tuple[str, ...], *, instead: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """These labels, unless too many others have been seen before them."""
        if labels not in self._series_seen:
            if len(self._series_seen) >= MOST_SERIES:
                return instead or (OTHER,) * len(labels)
            self._series_seen.add(labels)
        return labels
