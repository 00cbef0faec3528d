"""SillyTavern's chats: JSON Lines, a header and then the messages; the swipes of a reply are its versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from personachat.history.chats.turns import ImportedMessage, conversation, moment
from personachat.personas.formats.sketches import mapping

MOST_SWIPES = 100

_HUMANIZED = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s(?: ?(\d{1,3})ms)?")
_WORDS = ("%B %d, %Y %I:%M%p", "%B %d, %Y %I:%M %p")


def matches(first: Any) -> bool:
    first = mapping(first)
    return "chat_metadata" in first or {"user_name", "character_name"} <= first.keys() or _is_message(first)


def convert(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    head = {} if _is_message(lines[0]) else lines[0]
    messages: list[ImportedMessage] = []
    above: str | None = None
    for number, line in enumerate(each for each in lines if _is_message(each)):
        versions, chosen_id = _versions(line, number, above)
        messages += versions
        above = chosen_id
    answers = [message for message in messages if message.role == "assistant"]
    persona = str(head.get("character_name") or (answers[0].name if answers else "") or "SillyTavern")
    for message in messages:
        if message.role == "user":
            message.name = persona
    moments = [message.moment for message in messages if message.moment]
    return conversation(
        messages,
        title=persona,
        leaf=above,
        persona=persona,
        began=_date(head.get("create_date")) or next(iter(moments), ""),
        changed=moments[-1] if moments else "",
    )


def _is_message(line: dict[str, Any]) -> bool:
    return "mes" in line and ("is_user" in line or "name" in line)


def _versions(line: dict[str, Any], number: int, above: str | None) -> tuple[list[ImportedMessage], str]:
    """A message with its other versions, and the id of the visible one."""
    role = (
        "hidden" if line.get("is_system") is True else "user" if line.get("is_user") is True else "assistant"
    )
    extra = mapping(line.get("extra"))
    swipes = line.get("swipes")
    texts = [text for text in swipes if isinstance(text, str)] if isinstance(swipes, list) else []
    mes = line["mes"] if isinstance(line["mes"], str) else ""
    swipe = line.get("swipe_id")
    if role != "assistant" or len(texts) < 2 or not isinstance(swipe, int) or not 0 <= swipe < len(texts):
        texts, swipe = [mes], 0
    texts[swipe] = mes or texts[swipe]
    first = max(0, min(swipe, len(texts) - MOST_SWIPES))
    model, reasoning = extra.get("model"), extra.get("reasoning")
    versions = [
        ImportedMessage(
            f"{number}.{place}",
            above,
            role,
            text,
            _date(line.get("send_date")),
            model if isinstance(model, str) else "",
            str(line.get("name") or ""),
            reasoning if place == swipe and isinstance(reasoning, str) else "",
        )
        for place, text in enumerate(texts)
        if first <= place < first + MOST_SWIPES
    ]
    return versions, f"{number}.{swipe}"


def _date(value: Any) -> str:
    if parsed_moment := moment(value):
        return parsed_moment
    if not isinstance(value, str):
        return ""
    if match := _HUMANIZED.match(value):
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC).isoformat()
        except ValueError:
            return ""
    for form in _WORDS:
        try:
            return datetime.strptime(value, form).replace(tzinfo=UTC).isoformat()
        except ValueError:
            continue
    return ""
