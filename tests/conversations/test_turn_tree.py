"""The tree of turns in a database does what the simple one in memory does, whatever is done to it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from personachat.conversations.base import ConversationStore
from personachat.conversations.memory import MemoryConversations
from personachat.conversations.model import Conversation, Turn
from personachat.conversations.sql import SqlConversations
from personachat.errors import PersonaChatError
from tests.spoken import OWNER, replied, said

PICK = st.integers(min_value=0, max_value=10_000)


class TreeMachine(RuleBasedStateMachine):
    """One conversation in both stores; every step is done to both, with the same turns."""

    def __init__(self, store: ConversationStore) -> None:
        super().__init__()
        self.stores: tuple[ConversationStore, ConversationStore] = (MemoryConversations(), store)
        self.ids = tuple(store.create(OWNER).id for store in self.stores)
        self.turns: list[Turn] = []
        self.deletions: list[tuple[str, str | None]] = []

    def both(self, method: str, *arguments: object, by_conversation: bool = True, **named: object) -> object:
        """What both stores answer, which is the same."""
        answers: list[object] = []
        for store, conversation_id in zip(self.stores, self.ids, strict=True):
            ids = (conversation_id,) if by_conversation else ()
            try:
                answer = getattr(store, method)(OWNER, *ids, *arguments, **named)
                answers.append(answer[1] if method == "turn" else answer)
            except PersonaChatError as error:
                answers.append((type(error), str(error)))
        assert answers[0] == answers[1]
        return answers[0]

    def leaf_id(self) -> str | None:
        return self.stores[0].get(OWNER, self.ids[0]).leaf_id

    def any_turn(self, pick: int) -> str | None:
        choices = [None, *(turn.id for turn in self.turns)]
        return choices[pick % len(choices)]

    def append(self, parent_id: str | None, count: int, only_after: str | None) -> None:
        turns: list[Turn] = []
        for number in range(count):
            after = turns[-1].id if turns else parent_id
            text = f"turn {len(self.turns) + number}"
            turns.append(said(text, after=after) if number % 2 == 0 else replied(text, after=after))
        if self.both("append", turns, only_after=only_after) is True:
            self.turns += turns

    @rule(count=st.integers(min_value=1, max_value=4))
    def go_on(self, count: int) -> None:
        self.append(self.leaf_id(), count, self.leaf_id())

    @rule(pick=PICK, count=st.integers(min_value=0, max_value=3))
    def branch(self, pick: int, count: int) -> None:
        self.append(self.any_turn(pick), count, self.leaf_id())

    @rule(pick=PICK, place=PICK)
    def append_late(self, pick: int, place: int) -> None:
        self.append(self.any_turn(place), 1, self.any_turn(pick))

    @rule(pick=PICK)
    def show(self, pick: int) -> None:
        self.both("show", self.any_turn(pick))

    @rule(pick=PICK)
    def show_branch(self, pick: int) -> None:
        self.both("show_branch", self.any_turn(pick) or "unknown")

    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        turn_id = self.any_turn(pick) or "unknown"
        before = self.both("delete_turn", turn_id, by_conversation=False)
        if not isinstance(before, tuple):
            assert before is None or isinstance(before, str)
            self.deletions.append((turn_id, before))

    @rule()
    def undo(self) -> None:
        if self.deletions:
            turn_id, leaf_id = self.deletions.pop()
            self.both("restore_turn", turn_id, by_conversation=False, leaf_id=leaf_id)

    @rule(pick=PICK, leaf=PICK)
    def restore_anyhow(self, pick: int, leaf: int) -> None:
        turn_id = self.any_turn(pick) or "unknown"
        self.both("restore_turn", turn_id, by_conversation=False, leaf_id=self.any_turn(leaf))

    @rule(pick=PICK, rating=st.sampled_from([1, -1, None]))
    def rate(self, pick: int, rating: int | None) -> None:
        turn_id = self.any_turn(pick) or "unknown"
        self.both("rate", turn_id, rating, by_conversation=False, note="why")

    @rule(pick=PICK)
    def look_at_one(self, pick: int) -> None:
        turn_id = self.any_turn(pick) or "unknown"
        self.both("turn", turn_id, by_conversation=False)
        self.both("path", turn_id, by_conversation=False)

    @rule(last=st.integers(min_value=0, max_value=9))
    def look_at_the_last(self, last: int) -> None:
        self.same_conversation(last)

    @invariant()
    def same_tree(self) -> None:
        self.both("tree")
        self.same_conversation(None)

    def same_conversation(self, last: int | None) -> None:
        def seen(conversation: Conversation) -> tuple[object, ...]:
            return (
                conversation.title,
                conversation.leaf_id,
                conversation.length,
                conversation.path,
                dict(conversation.siblings),
            )

        one, other = (
            store.get(OWNER, conversation_id, last=last)
            for store, conversation_id in zip(self.stores, self.ids, strict=True)
        )
        assert seen(one) == seen(other)


def test_the_tree_is_the_same_wherever_it_is_kept(conversations: SqlConversations) -> None:
    run_state_machine_as_test(
        lambda: TreeMachine(conversations),  # type: ignore[arg-type]  # anything that makes one will do
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
