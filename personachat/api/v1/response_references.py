"""What a request to /v1/responses refers to: the response it follows, and items of other responses.

An item's id contains its response and its place. Items sent with `store: false`, more than an hour ago or
with another token are not found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personachat.api.v1.errors import BadRequest
from personachat.api.v1.response_bodies import ResponseBody
from personachat.conversations.responses import Item, KeptResponse, KeptResponses

REFERENCE = "item_reference"

_RESPONSE_ID = re.compile("resp_([0-9a-f]{32})")
_ITEM_ID = re.compile("(?:msg|fc|rs)_([0-9a-f]{32})_([0-9]{1,4})")
_HINT = (
    "Items can be referred to for an hour, with the same token, unless they were sent with store: "
    "false. Send them again instead."
)


@dataclass(frozen=True, slots=True)
class RequestItems:
    """The items of a request: its own, and those of the responses it follows."""

    items: Sequence[Item]
    earlier: Sequence[Item] = ()
    previous_id: str | None = None

    def response(self, reply_id: str, output: Sequence[Item]) -> KeptResponse:
        """The response to it, in the form in which it is stored."""
        return KeptResponse(reply_id, self.items, output, self.previous_id)


def resolve_references(body: ResponseBody, responses: KeptResponses, owner: str) -> RequestItems:
    """Resolve the references of the body. Raises BadRequest, and what KeptResponses raises."""
    previous_id, earlier = None, None
    if body.previous_response_id:
        if match := _RESPONSE_ID.fullmatch(body.previous_response_id):
            previous_id = match[1]
            earlier = responses.conversation(owner, previous_id)
        if earlier is None:
            raise _not_found("Previous response", body.previous_response_id, "previous_response_id")
    return RequestItems(_resolved(body.own_items, responses, owner), earlier or (), previous_id)


def _resolved(items: Sequence[Item], responses: KeptResponses, owner: str) -> Sequence[Item]:
    references = [item for item in items if _is_reference(item)]
    if not references:
        return items
    ids = {match[1] for item in references if (match := _reference_match(item))}
    outputs = responses.outputs(owner, ids) if ids else {}
    return [
        _referred_to(item, outputs, f"input[{number}].id") if _is_reference(item) else item
        for number, item in enumerate(items)
    ]


def _is_reference(item: Mapping[str, Any]) -> bool:
    # OpenAI's description also allows a type of null.
    return item.get("type") == REFERENCE or (item.get("type") is None and item.keys() <= {"type", "id"})


def _reference_match(item: Mapping[str, Any]) -> re.Match[str] | None:
    return _ITEM_ID.fullmatch(str(item.get("id", "")))


def _referred_to(item: Item, outputs: Mapping[str, Sequence[Item]], param: str) -> Item:
    match = _reference_match(item)
    output = outputs.get(match[1], ()) if match else ()
    place = int(match[2]) if match else 0
    if place < len(output) and output[place].get("id") == item["id"]:
        return output[place]
    raise _not_found("Item", str(item.get("id", "")), param)


def _not_found(what: str, item_id: str, param: str) -> BadRequest:
    reason = "previous_response_not_found" if param == "previous_response_id" else "item_not_found"
    return BadRequest(f"{what} with id '{item_id[:80]}' not found. {_HINT}", param=param, reason=reason)
