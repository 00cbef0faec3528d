from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.database.connection import Database
from personachat.database.cursors import cursor_after, number_of, place_of
from personachat.errors import ConversationNotFound, CursorInvalid, MessageInvalid
from personachat.history.filters import Filters
from personachat.history.library import ConversationLibrary
from personachat.history.listing import ConversationSummary
from personachat.history.organizing import EMPTY_LIFETIME, KEPT_AFTER_DELETION, purge
from personachat.stamps import now
from tests.history.talk import Talk, turn

STRANGER = "user:stranger@example.org"


def titles(found: tuple[ConversationSummary, ...]) -> list[str]:
    return [summary.title for summary in found]


def test_what_went_on_last_comes_first(talk: Talk, library: ConversationLibrary) -> None:
    first = talk.new("Alpha question")
    talk.new("Beta question")
    talk.say(first, "An answer")
    assert titles(library.list().conversations) == ["Alpha question", "Beta question"]


def test_a_conversation_without_a_word_is_not_listed(talk: Talk, library: ConversationLibrary) -> None:
    talk.new()
    assert library.list().conversations == ()


def test_a_summary_tells_of_the_active_branch(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("Question", "Answer")
    talk.say(conversation_id, "More", persona_id="tutor", persona_name="Tutor", avatar="🎓")
    library.share(conversation_id)
    library.pin(conversation_id, True)
    summary = library.summary(conversation_id)
    assert (summary.persona_id, summary.persona_name, summary.avatar) == ("tutor", "Tutor", "🎓")
    assert (summary.turns, summary.shared, summary.pinned, summary.archived) == (3, True, True, False)
    assert library.list().conversations == (summary,) == library.pinned()


def test_a_cleared_conversation_stays_in_the_list(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("Question", "Answer")
    talk.store.show("local", conversation_id, None)
    (summary,) = library.list().conversations
    assert (summary.turns, summary.persona_name) == (0, "Analyst")


def test_an_empty_conversation_has_a_summary(talk: Talk, library: ConversationLibrary) -> None:
    summary = library.summary(talk.new())
    assert (summary.title, summary.turns, summary.persona_id) == ("", 0, "")


def test_pages_hold_everything_once_while_new_conversations_come(
    talk: Talk, library: ConversationLibrary
) -> None:
    wanted = [talk.new(f"Question {number}") for number in range(7)][::-1]
    seen: list[str] = []
    cursor = None
    while True:
        page = library.list(limit=3, cursor=cursor)
        seen += [summary.id for summary in page.conversations]
        talk.new("Came in between")
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == wanted


def test_pages_part_conversations_of_the_same_moment(talk: Talk, library: ConversationLibrary) -> None:
    moment = now()
    ids = [talk.new(f"Question {number}") for number in range(5)]
    for conversation_id in ids:
        talk.move(conversation_id, moment)
    first = library.list(limit=2)
    second = library.list(limit=9, cursor=first.next_cursor)
    assert {one.id for one in first.conversations + second.conversations} == set(ids)
    assert len(second.conversations) == 3
    assert second.next_cursor is None


HALF_A_CHARACTER = "WyIyMDI2LTAxLTAxIiwieFx1ZDgwMCJd"


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!!", "W10", "WzFd", "e30", "bnVsbA", "\0", "ü", "A" * 10_000, HALF_A_CHARACTER],
)
def test_what_is_no_cursor_is_refused_with_a_sentence(library: ConversationLibrary, cursor: str) -> None:
    with pytest.raises(CursorInvalid, match="page link is not valid"):
        library.list(cursor=cursor)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(cursor: str) -> None:
    with suppress(CursorInvalid):
        moment, conversation_id = place_of(cursor)
        assert place_of(cursor_after(moment, conversation_id)) == (moment, conversation_id)
    with suppress(CursorInvalid):
        assert number_of(cursor) >= 0


@given(st.datetimes().map(lambda moment: moment.replace(tzinfo=now().tzinfo)), st.uuids())
def test_a_cursor_keeps_its_place(moment: object, conversation_id: object) -> None:
    assert place_of(cursor_after(moment, str(conversation_id))) == (moment, str(conversation_id))  # type: ignore[arg-type]  # looser than the types on purpose


def test_lists_are_filtered_by_what_was_said(talk: Talk, library: ConversationLibrary) -> None:
    liked = talk.new("Liked")
    (answer,) = talk.say(liked, "Answer", model="o9", persona_id="tutor")
    talk.store.rate("local", answer, 1)
    talk.new("Plain", "Answer")
    assert titles(library.list(Filters(rating=1)).conversations) == ["Liked"]
    assert titles(library.list(Filters(rating=-1)).conversations) == []
    assert titles(library.list(Filters(model="o9")).conversations) == ["Liked"]
    assert titles(library.list(Filters(persona_id="tutor", model="o9", rating=1)).conversations) == ["Liked"]
    assert titles(library.list(Filters(persona_id="analyst", model="o9")).conversations) == []
    assert titles(library.list(Filters(model="\0\ud800")).conversations) == []


def test_lists_are_filtered_by_date(talk: Talk, library: ConversationLibrary) -> None:
    moment = now() - timedelta(days=100)
    talk.move(talk.new("Old"), moment)
    talk.new("New")
    assert titles(library.list(Filters(until=moment + timedelta(seconds=1))).conversations) == ["Old"]
    assert titles(library.list(Filters(until=moment)).conversations) == []
    assert titles(library.list(Filters(since=moment)).conversations) == ["New", "Old"]
    assert titles(library.list(Filters(since=moment + timedelta(seconds=1))).conversations) == ["New"]


def test_the_count_is_that_of_all_pages(
    talk: Talk, library: ConversationLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (answer,) = talk.say(talk.new(f"Number {number}"), "Answer", model="o9")
    talk.store.rate("local", answer, 1)
    talk.new("Theirs", owner=STRANGER)
    talk.new()
    library.archive(talk.new("Put away"), True)
    library.delete(talk.new("Deleted"))
    assert library.count() == 5
    assert library.count(Filters(archived=True)) == 1
    assert library.count(Filters(rating=1)) == 1
    assert library.count(Filters(since=now() + timedelta(days=1))) == 0
    monkeypatch.setattr("personachat.history.listing._FEW_TURNS", 1)
    assert library.count(Filters(model="o9")) == 5


def test_dates_of_a_list_are_the_conversations_and_not_its_turns(
    talk: Talk, library: ConversationLibrary
) -> None:
    long_ago = now() - timedelta(days=400)
    conversation_id = talk.new("Old", "Answer", model="o9", created_at=long_ago)
    (found,) = library.list(Filters(model="o9", since=now() - timedelta(hours=1))).conversations
    assert found.id == conversation_id
    assert library.list(Filters(model="o9", until=long_ago + timedelta(days=1))).conversations == ()


def test_a_common_model_is_listed_as_a_rare_one_is(
    talk: Talk, library: ConversationLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = talk.new("First", "Answer", model="o9")
    talk.new("Other", "Answer", model="o1")
    last = talk.new("Last", "Answer", model="o9")
    asked = [library.list(Filters(model="o9"))]
    monkeypatch.setattr("personachat.history.listing._FEW_TURNS", 1)
    asked.append(library.list(Filters(model="o9")))
    monkeypatch.setattr("personachat.history.fulltext._COMMON", 1)
    asked.append(library.list(Filters(model="o9")))
    assert [[one.id for one in listed.conversations] for listed in asked] == [[last, first]] * 3


def test_models_and_personas_are_those_in_use(talk: Talk, library: ConversationLibrary) -> None:
    gone = talk.new("Hi there", "Answer", model="gone-model", persona_id="gone")
    talk.new("Question", "Answer", model="b-model", persona_name="Old name")
    talk.new("Question", "Answer", model="A-model", persona_name="Zoe")
    talk.new("Question", persona_id="tutor", persona_name="tutor")
    talk.new("Question", "Answer", model="other", owner=STRANGER)
    library.delete(gone)
    assert library.models() == ("A-model", "b-model")
    assert library.personas() == (("tutor", "tutor"), ("analyst", "Zoe"))


def test_renaming_and_pinning_move_nothing(talk: Talk, library: ConversationLibrary) -> None:
    first = talk.new("First")
    talk.new("Second")
    before = library.summary(first).updated_at
    library.rename(first, "  A \n better\tname ")
    library.pin(first, True)
    library.archive(first, True)
    library.archive(first, False)
    assert titles(library.list().conversations) == ["Second", "A better name"]
    assert library.summary(first).updated_at == before


def test_a_title_of_the_persons_own_stays(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("hi")
    library.rename(conversation_id, "Mine")
    talk.say(conversation_id, "Hello", "What is a p-value?")
    assert library.summary(conversation_id).title == "Mine"


@pytest.mark.parametrize("title", ["", " \n ", "x" * 201])
def test_a_title_has_1_to_200_characters(talk: Talk, library: ConversationLibrary, title: str) -> None:
    conversation_id = talk.new("Question")
    with pytest.raises(MessageInvalid, match="1 to 200"):
        library.rename(conversation_id, title)
    assert library.summary(conversation_id).title == "Question"


def test_a_title_is_made_storable(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("Question")
    library.rename(conversation_id, "a\0b\ud800c")
    assert library.summary(conversation_id).title == "a\ufffdb\ufffdc"


def test_archived_conversations_are_in_a_list_of_their_own(talk: Talk, library: ConversationLibrary) -> None:
    archived = talk.new("Archived")
    library.pin(archived, True)
    library.archive(archived, True)
    talk.new("Here")
    assert titles(library.list().conversations) == ["Here"]
    assert titles(library.list(Filters(archived=True)).conversations) == ["Archived"]
    assert library.pinned() == ()


def test_what_is_deleted_is_gone_until_it_is_restored(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("Question")
    library.pin(conversation_id, True)
    library.delete(conversation_id)
    assert (library.list().conversations, library.pinned()) == ((), ())
    for call in (library.summary, library.delete, library.share, library.share_of):
        with pytest.raises(ConversationNotFound):
            call(conversation_id)
    library.restore(conversation_id)
    library.restore(conversation_id)
    assert titles(library.list().conversations) == ["Question"]


def test_many_are_deleted_and_restored_at_once(talk: Talk, library: ConversationLibrary) -> None:
    mine = [talk.new(f"Question {number}") for number in range(3)]
    others = talk.new("Not mine", owner=STRANGER)
    assert library.delete_many([*mine, others, "unknown", mine[0]]) == 3
    assert library.list().conversations == ()
    assert library.restore_many([*mine[:2], others, "unknown"]) == 2
    assert {one.id for one in library.list().conversations} == set(mine[:2])


def test_what_was_deleted_long_ago_is_purged(
    talk: Talk, library: ConversationLibrary, database: Database
) -> None:
    old, recent, kept = talk.new("Old", "Answer"), talk.new("Recent"), talk.new("Kept")
    talk.set_head(old, deleted_at=now() - KEPT_AFTER_DELETION - timedelta(minutes=1))
    talk.set_head(recent, deleted_at=now() - KEPT_AFTER_DELETION + timedelta(minutes=1))
    assert purge(database) == 1
    with pytest.raises(ConversationNotFound):
        library.restore(old)
    library.restore(recent)
    assert {one.id for one in library.list().conversations} == {recent, kept}
    talk.check_index()


def test_what_stayed_empty_is_purged(talk: Talk, library: ConversationLibrary, database: Database) -> None:
    fresh, stale = talk.new(), talk.new()
    talk.move(stale, now() - EMPTY_LIFETIME - timedelta(minutes=1))
    assert purge(database) == 1
    assert library.summary(fresh).id == fresh
    with pytest.raises(ConversationNotFound):
        library.summary(stale)


def test_a_conversation_of_thousands_of_turns_can_be_purged(talk: Talk, database: Database) -> None:
    conversation_id = talk.new(*["Word"] * 2500)
    talk.set_head(conversation_id, deleted_at=now() - timedelta(days=31))
    assert purge(database) == 1
    talk.check_index()


def test_a_stranger_sees_and_changes_nothing(
    talk: Talk, library: ConversationLibrary, database: Database
) -> None:
    conversation_id = talk.new("Secret question", "Secret answer")
    library.share(conversation_id)
    stranger = ConversationLibrary(database, owner=STRANGER)
    calls: list[Callable[[str], object]] = [
        stranger.summary,
        stranger.delete,
        stranger.restore,
        stranger.share,
        stranger.share_of,
        stranger.revoke,
        lambda unknown: stranger.rename(unknown, "Mine now"),
        lambda unknown: stranger.pin(unknown, True),
        lambda unknown: stranger.archive(unknown, True),
        lambda unknown: stranger.export([unknown], "json"),
    ]
    for call in calls:
        said = []
        for unknown in (conversation_id, "0" * 32, "\0\ud800"):
            with pytest.raises(ConversationNotFound) as refused:
                call(unknown)
            said.append((str(refused.value), refused.value.hint))
        assert len(set(said)) == 1
    assert (stranger.list().conversations, stranger.pinned(), stranger.search("secret").hits) == ((), (), ())
    assert (stranger.models(), stranger.personas()) == ((), ())
    assert (stranger.delete_many([conversation_id]), stranger.restore_many([conversation_id])) == (0, 0)
    assert b"ecret" not in stranger.export(None, "json").content
    assert titles(library.list().conversations) == ["Secret question"]
    assert library.share_of(conversation_id) is not None


def test_a_turn_beside_the_active_branch_counts_for_filters(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("Question")
    root = talk.store.get("local", conversation_id).path[0].id
    talk.add(conversation_id, turn("First try", root, asks=False, model="m1"))
    second = talk.add(conversation_id, turn("Second try", root, asks=False, model="m2"))
    assert len(library.list(Filters(model="m1")).conversations) == 1
    talk.store.delete_turn("local", second)
    assert library.list(Filters(model="m2")).conversations == ()
