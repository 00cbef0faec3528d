"""Tool calls, put in order however a server numbers them.

Servers leave out the index or always send 0, leave out ids, repeat ids and names in every piece, or send
arguments as an object. Here a new id is a new call, and a piece without id and index continues the last one.
Outgoing calls have indices of ours, from 0, and at most one piece of a call at a time. The result never
depends on where the network cut the pieces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import jiter

from personachat.providers.openai.key_mask import MaskedText

_OF_A_CALL = frozenset({"index", "id", "type", "function"})


@dataclass(slots=True)
class _Call:
    """One call. The `new_...` parts haven't gone out yet."""

    number: int
    id: str
    given_id: str
    given_index: int | None
    index: int | None = None
    """Our index; None until the call has gone out."""
    name: str = ""
    new_name: str = ""
    arguments: list[str] = field(default_factory=list)
    new_arguments: list[str] = field(default_factory=list)
    new_keys: dict[str, Any] = field(default_factory=dict)
    mask: MaskedText | None = None

    def is_whole(self) -> bool:
        """Whether its arguments are complete, so that further ones belong to another call."""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}"):
            return False
        try:
            jiter.from_json("".join(self.arguments).encode("utf-8", "replace"))
        except ValueError:
            return False
        return True

    def grow(self, *, name: str, arguments: str, keys: Mapping[str, Any]) -> None:
        if name != self.name:  # some servers repeat it in every piece
            self.name += name
            self.new_name += name
        if arguments:
            self.arguments.append(arguments)
            self.new_arguments.append(arguments)
        self.new_keys |= keys

    def piece(self, *, final: bool) -> dict[str, Any]:
        """What hasn't gone out yet, as it is on the wire."""
        arguments = "".join(self.new_arguments)
        if self.mask:
            arguments = self.mask.feed(arguments) + (self.mask.end() if final else "")
        function = {"arguments": arguments}
        if self.new_name:
            function = {"name": self.new_name, **function}
        piece = {"function": function, **self.new_keys}
        self.new_name, self.new_arguments, self.new_keys = "", [], {}
        return piece


class ToolCallAssembler:
    """Takes pieces with add() and returns them with take(), arguments without `keys`."""

    def __init__(self, *, keys: tuple[str, ...] = ()) -> None:
        self._keys = keys
        self._calls: list[_Call] = []
        self._changed: dict[int, _Call] = {}
        self._next_index = 0

    def __bool__(self) -> bool:
        """Whether there is any call that can go out."""
        return any(call.name for call in self._calls)

    def add(self, pieces: Iterable[Any], *, whole: bool = False) -> None:
        """Add the pieces of one delta, or the calls of a `whole` message."""
        for place, piece in enumerate(pieces):
            if isinstance(piece, Mapping):
                self._add(piece, is_new=whole, is_beside=place > 0)

    def take(self, *, final: bool = False) -> tuple[Mapping[str, Any], ...]:
        """What has come since the last call, one piece per tool call.

        A tool call without a name waits for it.
        """
        if final and self._keys:
            self._changed |= {call.number: call for call in self._calls if call.mask and call.mask.waits}
        changed = [call for _, call in sorted(self._changed.items()) if call.name]
        self._changed = {} if final else {n: call for n, call in self._changed.items() if not call.name}
        return tuple(self._given_out(call, final=final) for call in changed)

    def _given_out(self, call: _Call, *, final: bool) -> dict[str, Any]:
        if call.index is not None:
            return {"index": call.index, **call.piece(final=final)}
        call.index = self._next_index
        self._next_index += 1
        return {"index": call.index, "id": call.id, "type": "function", **call.piece(final=final)}

    def _add(self, piece: Mapping[str, Any], *, is_new: bool, is_beside: bool) -> None:
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else {}
        name, arguments = _text(function.get("name")), _arguments(function.get("arguments"))
        given_id, given_index = _text(piece.get("id")), _index(piece.get("index"))
        call: _Call | None = None
        if not is_new and given_id:
            call = self._with_id(given_id, given_index, name=name, arguments=arguments)
        elif not is_new:
            call = self._without_id(given_index, name=name, arguments=arguments, is_beside=is_beside)
        if call is None and not (given_id or name or arguments):
            return
        call = call or self._begin(given_id, given_index)
        keys = {key: value for key, value in piece.items() if key not in _OF_A_CALL}
        call.grow(name=name, arguments=arguments, keys=keys)
        self._changed[call.number] = call

    def _with_id(self, given_id: str, given_index: int | None, *, name: str, arguments: str) -> _Call | None:
        """The call that a piece with an id continues; None if it begins one."""
        match = self._latest(lambda call: call.given_id == given_id)
        if match is None and arguments and not name:  # every piece has an id of its own, or the id comes late
            return self._latest(lambda call: given_index in {None, call.given_index})
        if match is not None and name and given_index not in {None, match.given_index}:
            match = self._latest(lambda call: (call.given_id, call.given_index) == (given_id, given_index))
        return None if match and arguments and name and match.is_whole() else match

    def _without_id(
        self, given_index: int | None, *, name: str, arguments: str, is_beside: bool
    ) -> _Call | None:
        """The same for a piece without an id: the last call, or the last one with that index."""
        match = self._latest(lambda call: given_index in {None, call.given_index})
        if match is None or not name:
            return match
        if is_beside and given_index is None:
            return None
        return None if (arguments or name != match.name) and match.is_whole() else match

    def _latest(self, is_it: Callable[[_Call], bool]) -> _Call | None:
        return next((call for call in reversed(self._calls) if is_it(call)), None)

    def _begin(self, given_id: str, given_index: int | None) -> _Call:
        is_taken = any(call.id == given_id for call in self._calls)
        own_id = given_id if given_id and not is_taken else f"call_{token_hex(12)}"
        call = _Call(len(self._calls), own_id, given_id, given_index)
        call.mask = MaskedText(self._keys) if self._keys else None
        self._calls.append(call)
        return call


def _index(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if type(value) is int and value >= 0 else None


def _arguments(value: Any) -> str:
    """Arguments as JSON text; some servers send an object."""
    return json.dumps(value) if isinstance(value, dict) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""
