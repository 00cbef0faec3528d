"""The conditions of a request (RFC 9110, section 13): ETags in If-Match and If-None-Match.

A write compares strongly, so a weak tag never matches; a header that cannot be read is refused and never
taken for an absent one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header
from pydantic.json_schema import SkipJsonSchema

from personachat.api.errors import Refused

_ETAGS = {"pattern": r'^(\*|(W/)?"[^"]*"([ \t]*,[ \t]*(W/)?"[^"]*")*)$'}
IfMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        description="Only if the current version has this ETag. * means any version.",
        json_schema_extra=_ETAGS,
    ),
]
IfNoneMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(description="Only if no version has this ETag. A write accepts only *.", json_schema_extra=_ETAGS),
]

_TAG = re.compile(r'[ \t]*(W/)?"([^"]*)"[ \t]*(?:,(?=.)|$)')


@dataclass(frozen=True, slots=True)
class Condition:
    """When a write may happen: over one of these versions, over any, only as a new one, or always."""

    etags: tuple[str, ...] = ()
    existing: bool = False
    new: bool = False


def condition_of(if_match: str | None, if_none_match: str | None) -> Condition:
    if if_none_match is not None and if_none_match.strip() != "*":
        raise Refused(400, "condition_invalid", "For a write, If-None-Match must be *.")
    if if_match is not None and if_none_match is not None:
        raise Refused(400, "condition_invalid", "If-Match and If-None-Match contradict each other here.")
    tags = tags_of(if_match)
    etags = tuple(tag for tag in tags if tag != "*")
    if if_match is not None and not tags:
        etags = ("",)  # only weak or empty ones: no version can match
    return Condition(etags, existing="*" in tags, new=if_none_match is not None)


def tags_of(header: str | None, *, weak: bool = False) -> list[str]:
    """The entity tags of a header, `*` as it is; weak ones only where a weak comparison will do."""
    if header is not None and header.strip() == "*":
        return ["*"]
    if header is not None and not header.strip():
        raise Refused(400, "condition_invalid", "The condition is empty. Leave the header out instead.")
    tags, at = [], 0
    while header is not None and at < len(header):
        match = _TAG.match(header, at)
        if match is None:
            raise Refused(400, "condition_invalid", 'Write an ETag in double quotes: "abc".')
        if weak or not match[1]:
            tags.append(match[2].replace("*", "%2A"))  # "*" is a tag, * is any
        at = match.end()
    return tags
