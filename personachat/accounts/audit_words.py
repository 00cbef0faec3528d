"""Audit events as sentences for people. Pure; the result is plain text, with names that people chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from personachat.accounts.audit import AuditEvent
from personachat.accounts.budget import amount_of
from personachat.owners import author_of

Names = Mapping[str, str]
"""The names of owners, and of tokens by their ids, if known."""

_VISIBLE = {
    "private": "only people named there can use it",
    "team": "everyone who is logged in can use it",
    "everyone": "everyone can use it",
}
_RIGHTS = {"use": "use it", "prompt": "see its prompt", "edit": "edit it", "share": "share it"}
_PERSONA = {
    "created": "created {}",
    "saved": "changed {}",
    "imported": "imported {}",
    "restored": "restored {}",
    "deleted": "deleted {}",
    "exported": "exported {}",
    "shared": "created a link to {}",
    "unshared": "revoked the link to {}",
}
_CONVERSATION = {
    "deleted": "deleted {}",
    "restored": "restored {}",
    "exported": "exported {}",
    "imported": "imported {}",
    "shared": "created a link to {}",
    "unshared": "revoked the link to {}",
}


def deed(event: AuditEvent, names: Names | None = None) -> str:
    """What was done, to follow a name: "deleted the persona Tutor (socratic-tutor)"."""
    details = {**(event.before or {}), **(event.after or {})}
    words = _DEEDS.get(event.kind)
    text = words(event, details, names or {}) if words else ""
    return text or f"{event.action} {event.kind} {event.target}".strip()


def details(event: AuditEvent) -> list[str]:
    """Further facts, each a phrase of its own; may be empty."""
    before, after = event.before or {}, event.after or {}
    if event.kind == "right":
        return _changed_rights(before, after)
    if event.kind == "setting":
        return [f"{name}: {_or_unset(old)} → {_or_unset(after.get(name))}" for name, old in before.items()]
    if event.kind == "token":
        return _of_token({**before, **after})
    if event.kind in {"conversation", "message"} and event.target:
        return [event.target]
    return []


def _persona(event: AuditEvent, details: Mapping[str, Any], _: Names) -> str:
    if "count" in details:
        which = _many(details["count"], "persona")
    else:
        name = details.get("name")
        which = f"the persona {name} ({event.target})" if name else f"the persona {event.target}"
    if event.action == "renamed":
        return f"renamed the persona {(event.before or {}).get('id', '')} to {event.target}"
    if event.action == "labelled":
        return f"labelled revision {details.get('revision')} of {which} as {details.get('label')}"
    if event.action == "unlabelled":
        return f"removed the label {details.get('label')} from {which}"
    return _PERSONA.get(event.action, "").format(which)


def _template(event: AuditEvent, _: Mapping[str, Any], __: Names) -> str:
    verb = {"created": "created", "restored": "restored", "deleted": "deleted"}.get(event.action)
    return f"{verb} the template {event.target}" if verb else ""


def _conversation(event: AuditEvent, details: Mapping[str, Any], _: Names) -> str:
    which = _many(details["count"], "conversation") if "count" in details else "a conversation"
    return _CONVERSATION.get(event.action, "").format(which)


def _message(event: AuditEvent, _: Mapping[str, Any], __: Names) -> str:
    return "deleted a message" if event.action == "deleted" else ""


def _budget(event: AuditEvent, details: Mapping[str, Any], names: Names) -> str:
    verb = {"created": "set", "deleted": "removed"}.get(event.action)
    if verb is None or not {"scope", "unit", "most", "per"} <= details.keys():
        return ""
    amount = f"{amount_of(float(details['most']), details['unit'])} per {details['per']}"
    return f"{verb} a budget of {amount} for {_spender(str(details['scope']), str(details['name']), names)}"


def _spender(scope: str, name: str, names: Names) -> str:
    if scope == "all":
        return "everyone together"
    word = "API token" if scope == "token" else scope
    if not name:
        return f"each {word}"
    if scope == "person":
        return _person_named(name, names)
    return f"the {word} {names.get(name, name) if scope == 'token' else name}"


def _token(event: AuditEvent, details: Mapping[str, Any], names: Names) -> str:
    verb = {"created": "created", "revoked": "revoked"}.get(event.action)
    owner = str(details.get("owner", ""))
    whose = "" if owner == event.actor else f" for {_person_named(owner, names)}"
    return f"{verb} the API token {details.get('name')}{whose}" if verb else ""


def _of_token(details: Mapping[str, Any]) -> list[str]:
    parts = [f"role: {details['role']}"] if details.get("role") else []
    if details.get("personas"):
        parts.append(f"only {', '.join(map(str, details['personas']))}")
    if details.get("expires"):
        parts.append(f"expires {str(details['expires'])[:10]}")
    return parts


def _right(event: AuditEvent, _: Mapping[str, Any], __: Names) -> str:
    return f"changed the access to the persona {event.target}" if event.action == "changed" else ""


def _changed_rights(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    changes = []
    if after.get("visibility") != before.get("visibility"):
        changes.append(_VISIBLE.get(str(after.get("visibility")), ""))
    if after.get("prompt_visible") != before.get("prompt_visible"):
        changes.append("its prompt is shown" if after.get("prompt_visible") else "its prompt is hidden")
    if after.get("owner") != before.get("owner"):
        owner = str(after.get("owner") or "")
        changes.append(f"its owner is {author_of(owner)}" if owner else "nobody owns it")
    old, new = (list(each.get("grants") or ()) for each in (before, after))
    changes += [_rule(each) for each in new if each not in old]
    changes += [f"removed: {_rule(each)}" for each in old if each not in new]
    return [each for each in changes if each]


def _rule(grant: Mapping[str, Any]) -> str:
    who = "everyone" if grant.get("who") == "*" else str(grant.get("who"))
    may = "can" if grant.get("allowed") else "can't"
    return f"{who} {may} {_RIGHTS.get(str(grant.get('right')), '')}"


def _setting(event: AuditEvent, _: Mapping[str, Any], __: Names) -> str:
    if event.action != "changed":
        return ""
    return "started the server with changed settings" if event.before else "started the server"


def _person(event: AuditEvent, details: Mapping[str, Any], names: Names) -> str:
    who = _person_named(event.target, names)
    if event.action == "exported":
        return f"exported all data of {who}"
    if event.action == "deleted":
        return (
            f"deleted all data of {who}, including {_many(details.get('conversations', 0), 'conversation')}"
        )
    return ""


def _backup(event: AuditEvent, details: Mapping[str, Any], _: Names) -> str:
    if event.action != "created":
        return ""
    return f"created a backup: {details.get('file')}, {size_of(int(details.get('bytes', 0)))}"


def size_of(count: int) -> str:
    """E.g. "3.4 MB"."""
    if count < 100_000:
        return f"{count / 1_000:.1f} KB"
    return f"{count / 1_000_000:,.1f} MB" if count < 1_000_000_000 else f"{count / 1e9:,.1f} GB"


def _person_named(owner: str, names: Names) -> str:
    return names.get(owner) or author_of(owner)


def _many(count: object, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _or_unset(value: object) -> str:
    return "not set" if value in (None, "") else str(value)


_DEEDS: Mapping[str, Callable[[AuditEvent, Mapping[str, Any], Names], str]] = {
    "persona": _persona,
    "template": _template,
    "conversation": _conversation,
    "message": _message,
    "budget": _budget,
    "token": _token,
    "right": _right,
    "setting": _setting,
    "person": _person,
    "backup": _backup,
}
