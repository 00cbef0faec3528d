"""Times as people say them, in the viewer's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

MINUTE, HOUR = 60, 3_600


def viewer_zone() -> tzinfo:
    """The time zone that the browser reported; UTC if it reported none that is known here."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def ago(moment: datetime, *, now: datetime, zone: tzinfo) -> str:
    """E.g. "just now", "2 min ago", "3 h ago", "yesterday", "4 days ago", "12 Mar", "12 Mar 2025"."""
    seconds = (now - moment).total_seconds()
    day, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    if seconds < MINUTE:
        return "just now"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min ago"
    if day == today or seconds < 6 * HOUR:
        return f"{int(seconds // HOUR)} h ago"
    days = (today - day).days
    if days < 7:
        return "yesterday" if days == 1 else f"{days} days ago"
    return f"{day.day} {day:%b}" + (f" {day.year}" if day.year != today.year else "")


def exact(moment: datetime, *, zone: tzinfo) -> str:
    """E.g. "Thursday 12 March 2026, 14:05"."""
    local = moment.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M}"


def day_name(moment: datetime, *, now: datetime, zone: tzinfo) -> str:
    """The heading for a list by days: "Today", "Yesterday", "Last 7 days" or "Earlier"."""
    days = (now.astimezone(zone).date() - moment.astimezone(zone).date()).days
    if days <= 1:
        return "Yesterday" if days == 1 else "Today"
    return "Last 7 days" if days < 7 else "Earlier"
