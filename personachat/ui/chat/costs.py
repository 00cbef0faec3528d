"""The cost of a conversation: its model calls one by one, and their total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from personachat.conversations.model import Reply
from personachat.errors import PersonaChatError
from personachat.ui import session
from personachat.ui.chat.transcript import tokens_of
from personachat.ui.dates import viewer_zone
from personachat.ui.wording import counted, error_text, escaped, money
from personachat.usage.conversation_calls import ConversationCalls

UNKNOWN = "–"  # noqa: RUF001  # a dash, as in any table
COLUMNS = ("When", "What", "Model", "Tokens in", "Tokens out", "Retries", "Cost")

_PURPOSES = {
    "chat": "Reply",
    "temporary": "Reply",
    "try_out": "Try-out",
    "summary": "Summary",
    "comparison": "Comparison",
}


def tokens_and_cost(reply: Reply) -> str:
    """E.g. "212 tokens · $0.0031", with ~ for an estimate; plain text, "" if there is nothing to say."""
    _, tokens = tokens_of(reply)
    cost = "" if reply.cost_usd is None else money(reply.cost_usd)
    return " · ".join(filter(None, (tokens, cost)))


def draw(conversation_id: str, *, turn_id: str) -> None:
    """Draw the table, with the calls of the turn marked."""
    try:
        calls = session.workspace().insights.calls_of(conversation_id)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    if not calls.count:
        st.info("No model calls are recorded for this chat.", icon=":material/receipt_long:")
        return
    st.markdown(table(calls, turn_id=turn_id))
    for note in notes(calls):
        st.caption(note)


def table(calls: ConversationCalls, *, turn_id: str = "") -> str:
    """The calls, oldest first, and their total, as Markdown."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    before: set[str] = set()
    for row in calls.rows:
        cells = _cells(row, again=row["turn_id"] in before)
        if turn_id and row["turn_id"] == turn_id:
            cells = [f"**{cell}**" for cell in cells]
        before.add(row["turn_id"])
        lines.append(f"| {' | '.join(cells)} |")
    total = [
        f"**{counted(calls.count, 'call')}**",
        "",
        "",
        *(_number(calls.total[name]) for name in ("prompt_tokens", "completion_tokens", "retries")),
        _cost(calls.total["cost_usd"]),
    ]
    lines.append(f"| {' | '.join(f'**{cell}**' if cell[:1] not in {'', '*'} else cell for cell in total)} |")
    return "\n".join(lines)


def notes(calls: ConversationCalls) -> list[str]:
    """What the table doesn't say by itself; Markdown."""
    lines = []
    if len(calls.rows) < calls.count:
        lines.append(
            f"Only the last {len(calls.rows)} calls are listed. The last row is the total "
            f"of all {calls.count:,}."
        )
    unpriced = calls.count - calls.counts["cost_usd"]
    if unpriced:
        lines.append(f"The price of {counted(unpriced, 'call')} is unknown and not included in the total.")
    uncounted = calls.count - min(calls.counts["prompt_tokens"], calls.counts["completion_tokens"])
    if uncounted:
        lines.append(
            f"The token count of {counted(uncounted, 'call')} is unknown and not included in the total."
        )
    if calls.estimated:
        lines.append(
            f"\\~ The tokens of {counted(calls.estimated, 'call')} are estimated because the "
            "provider didn't count them."
        )
    return lines


def _cells(row: Mapping[str, Any], *, again: bool) -> list[str]:
    what = _PURPOSES.get(row["purpose"], str(row["purpose"]).replace("_", " ").capitalize())
    if again and row["purpose"] != "summary":
        what = "Continued"
    if row["outcome"] != "finished":
        what = f"{what}, {row['outcome']}"
    about = "\\~" if row["estimated"] else ""
    local = row["began_at"].astimezone(viewer_zone())
    return [
        f"{local.day} {local:%b %H\\:%M}",
        escaped(what),
        escaped(row["model"] or "") or UNKNOWN,
        *(_number(row[name], about=about) for name in ("prompt_tokens", "completion_tokens")),
        _number(row["retries"]),
        _cost(row["cost_usd"]),
    ]


def _number(value: float | None, *, about: str = "") -> str:
    return UNKNOWN if value is None else f"{about}{value:,.0f}"


def _cost(value: float | None) -> str:
    """All significant digits, so that adding up the column gives its total."""
    if value is None:
        return UNKNOWN
    return escaped(f"${value:.6f}" if value else "$0")
