"""One conversation in memory: its head, and all its turns in the order they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from personachat.conversations.absent import no_such_turn
from personachat.conversations.model import Conversation, SentRequest, Turn, branch, now, siblings_of
from personachat.conversations.titles import retitled


@dataclass
class Held:
    """A conversation's head, without `path`, and all its turns in the order they came."""

    head: Conversation
    turns: dict[str, Turn] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    requests: dict[str, SentRequest] = field(default_factory=dict)

    def visible(self, *, but: set[str] | None = None) -> dict[str, Turn]:
        """The turns that are not hidden; where other ones are deleted, `but` for those."""
        deleted = self.deleted if but is None else but
        found: dict[str, Turn] = {}
        for turn in self.turns.values():  # parents came before their children
            if turn.id not in deleted and (turn.parent_id is None or turn.parent_id in found):
                found[turn.id] = turn
        return found

    def newest_below(self, turn_id: str) -> str:
        below = {turn_id}
        newest = turn_id
        for turn in self.visible().values():
            if turn.parent_id in below:
                below.add(turn.id)
                newest = turn.id
        return newest

    def shown(self, last: int | None) -> Conversation:
        turns = self.visible()
        whole = branch(turns, self.head.leaf_id)
        path = whole if last is None else whole[max(0, len(whole) - last) :]
        siblings = siblings_of(path, list(turns.values()))
        return replace(self.head, length=len(whole), path=path, siblings=siblings)

    def add(self, turns: Sequence[Turn], requests: Mapping[str, SentRequest]) -> None:
        """Add turns, the last of which becomes the leaf. Raises TurnNotFound, before anything is changed."""
        depths: dict[str | None, int] = {None: -1}
        depths |= {turn.id: turn.depth for turn in self.visible().values()}
        for turn in turns:
            if turn.parent_id not in depths:
                raise no_such_turn()
            depths[turn.id] = depths[turn.parent_id] + 1
        earlier = [turn.as_message() for turn in self.turns.values()]
        title = retitled(self.head.title, earlier, [turn.as_message() for turn in turns])
        self.turns |= {turn.id: replace(turn, depth=depths[turn.id]) for turn in turns}
        self.requests |= requests
        leaf_id = turns[-1].id if turns else self.head.leaf_id
        self.head = replace(self.head, leaf_id=leaf_id, title=title, updated_at=now())
