"""A person according to a login or a proxy: the key that identifies them, and how long that is valid. Pure.

A key is made from the source and from what never changes there: issuer and subject of an OIDC provider, or
the value of a proxy's header. The two can never give the same key. An address is only used if the provider
doesn't say it is unverified. It decides roles, never the key of an OIDC account.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from personachat.messages import storable

MOST_CHARACTERS = 320
"""Characters of a name or an address."""

_HEADER_VALUE = re.compile(r"[^\s,\x00-\x1f\x7f]{1,320}")
"""One name. Two joined by a comma are what a proxy makes of a header that was already there."""

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
"""ASCII only: no other letter may look like a listed address, or become one in lower case."""

_CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as their provider or proxy names them, before their rights are decided."""

    key: str
    name: str = ""
    email: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    issued_at: float | None = None
    """When the login was issued, by the provider's clock; None if unknown."""
    ends: bool = True
    """Whether a login expires: a proxy, or the host of an app, handles that itself."""


def of_claims(claims: Mapping[str, Any]) -> Identity | None:
    """An OIDC account; None if its claims name nobody."""
    issuer, subject = _text(claims.get("iss")), claims.get("sub")
    email = address_in(claims)
    account = str(subject) if isinstance(subject, str | int) and subject else email
    if not account:
        return None
    name = _text(claims.get("name")) or _text(claims.get("preferred_username")) or email
    return Identity(_key(f"{issuer} {account}"), name, email, claims, issued_at=_number(claims.get("iat")))


def of_header(value: str) -> Identity | None:
    """A person that a trusted proxy names; None if the value isn't one name."""
    if not _HEADER_VALUE.fullmatch(value):
        return None
    email = value.lower() if _ADDRESS.fullmatch(value) else ""
    return Identity(_key(f"header\0{email or value}"), value, email, ends=False)


def of_host(email: str) -> Identity | None:
    """A viewer of a private app, admitted by its host under this address."""
    if not _ADDRESS.fullmatch(email):
        return None
    return Identity(_key(f"host\0{email.lower()}"), email, email.lower(), ends=False)


def address_in(claims: Mapping[str, Any]) -> str:
    """The address in lower case; "" if the provider says that it is unverified."""
    email = _text(claims.get("email"))
    verified = claims.get("email_verified", True)
    if str(verified).strip().lower() not in {"true", "1"}:
        return ""
    return email.lower() if _ADDRESS.fullmatch(email) else ""


def groups_in(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """The groups in a claim such as `groups` or `realm_access.roles`; a single one may be a string."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return frozenset({storable(value)}) if value else frozenset()
    if not isinstance(value, list | tuple):
        return frozenset()
    return frozenset(storable(group) for group in value if isinstance(group, str) and group)


def login_counts(
    identity: Identity,
    *,
    now: datetime,
    lasts: timedelta | None,
    signed_out_before: float | None,
    ended_logins: Collection[float] = (),
) -> bool:
    """Whether a login is still valid: not expired or ended, and begun after the last sign-out everywhere.

    `lasts` replaces the provider's expiry. If nothing says when a login ends, it has ended.
    """
    if not identity.ends:
        return True
    issued = identity.issued_at
    if signed_out_before is not None and (issued is None or issued <= signed_out_before):
        return False
    if issued in ended_logins:
        return False
    moment = now.timestamp()
    if lasts is not None:
        return issued is not None and _seconds_in_range(issued, moment, lasts)
    expires = _number(identity.claims.get("exp"))
    return expires is not None and moment < expires


def _seconds_in_range(issued: float, moment: float, lasts: timedelta) -> bool:
    return issued - _CLOCKS_DIFFER.total_seconds() <= moment < issued + lasts.total_seconds()


def _key(text: str) -> str:
    return "user:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _text(value: Any) -> str:
    return storable(value).strip()[:MOST_CHARACTERS] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
