"""The ledger of model calls, and what else records each call: log lines, Prometheus and OpenTelemetry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from personachat.accounts.budgets import Budgets
from personachat.settings import Settings
from personachat.telemetry import logs, otel
from personachat.telemetry.words import Masking
from personachat.usage.ledger import Ledger
from personachat.usage.records import SqlUsage

if TYPE_CHECKING:
    from personachat.telemetry.prometheus import CallFigures


def ledger_of(
    settings: Settings,
    records: SqlUsage,
    *,
    process_id: str,
    close_days: Callable[[int], int],
    budgets: Budgets,
    figures: CallFigures | None,
) -> Ledger:
    """The ledger, with the observers that the settings turn on; `budgets` may refuse a call."""
    spans = otel.observer(masking=Masking.of(settings))
    lines = logs.ReplyLines() if logs.is_configured(settings) or logs.is_written() else None
    return Ledger(
        records,
        process_id=process_id,
        retention_days=settings.usage_retention_days,
        close_days=close_days,
        observers=[each for each in (lines, figures, spans) if each],
        keeps_words=bool(spans and spans.masking),
        admission=budgets,
    )


def call_figures(settings: Settings, *, running: Callable[[], int]) -> CallFigures | None:
    """What /metrics reports; None if it is off. `running` counts the replies that stream right now."""
    if settings.metrics_token is None:
        return None
    from personachat.telemetry.prometheus import CallFigures  # noqa: PLC0415  # slow, and rarely on

    return CallFigures(running=running)
