from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from personachat.conversations.model import Rating, Reply
from personachat.conversations.reply_records import SqlReplies
from personachat.database.connection import Database
from personachat.errors import CursorInvalid
from personachat.history.filters import Filters
from personachat.history.library import ConversationLibrary
from personachat.messages import TurnState
from personachat.stamps import now
from tests.history.talk import Talk, turn

STRANGER = "user:stranger@example.org"


def found(library: ConversationLibrary, query: str, filters: Filters | None = None) -> list[str]:
    """What is marked in each hit's excerpt, newest first."""
    hits = library.search(query, filters or Filters()).hits
    return ["|".join(hit.excerpt[start:end] for start, end in hit.marks) for hit in hits]


@pytest.fixture(autouse=True)
def index_stays_right(talk: Talk) -> Iterator[None]:
    yield
    talk.check_index()


def test_every_turn_is_searched_newest_first(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("What is a median?", "The median is the middle.")
    talk.new("Something else", "No match here")
    hits = library.search("median").hits
    assert [(hit.role, hit.conversation.id) for hit in hits] == [
        ("assistant", conversation_id),
        ("user", conversation_id),
    ]
    assert hits[0].excerpt == "The median is the middle."
    assert hits[0].persona_name == "Analyst"
    assert hits[0].conversation == library.summary(conversation_id)
    assert talk.store.turn("local", hits[0].turn_id)[1].created_at == hits[0].created_at


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("cafe", ["Café"]),
        ("CAFÉ", ["Café"]),
        ("cafe\u0301", ["Café"]),
        ("uber", ["U\u0308ber"]),
        ("strong cafe", ["Café|strong"]),
        ('"strong coffee"', ["strong coffee"]),
        ('"coffee strong"', []),
        ('"strong cof"', []),
        ("strong cof", ["strong|coffee"]),
        ("stro coffee", []),
        ("c", []),
        ("p-value", ["p-value"]),
        ("snake_case", ["snake_case"]),
        ("3.14", ["3.14"]),
        ("example.org", ["example.org"]),
        ("example", ["example"]),
        ("path", ["path"]),
        ("हिन्दी", ["हिन्दी"]),
        ("हिन्", ["हिन्दी"]),
        ("привет", ["Привет"]),
        ('"unbalanced', []),
        ("NOT cafe", []),
        ("cafe AND", []),
        ("caf*", ["Café"]),
        ("text:cafe", []),
        ("facts:olocal", []),
        ("facts", []),
        ("6c6f63616c", []),
        ("o6c6f63616c", []),
        ("(cafe)", ["Café"]),
        ("cafe's", []),
        ("it's", ["It's"]),
    ],
)
def test_words_are_found_as_people_write_them(
    talk: Talk, library: ConversationLibrary, query: str, marked: list[str]
) -> None:
    talk.new(
        "It's a Café U\u0308ber alles: strong coffee, p-value, snake_case 3.14,"
        " https://example.org/path हिन्दी Привет"
    )
    assert found(library, query) == marked


@pytest.mark.parametrize(
    ("query", "marked"),
    [("東京", ["東京"]), ("タワー", ["タワー"]), ("京タ", ["京タ"]), ("กรุงเทพ", []), ("สวัสดี", ["สวัสดี"])],
)
def test_writing_without_spaces_is_searched_anywhere(
    talk: Talk, library: ConversationLibrary, query: str, marked: list[str]
) -> None:
    talk.new("明日東京タワーに行きます。ผมพูดสวัสดีครับ today")
    assert found(library, query) == marked
    assert found(library, f"today {query}") == [f"{mark}|today" for mark in marked]


@pytest.mark.parametrize("query", ["", " ", "???", '""', "***", "\0", "\ud800", "-", "''", "_"])
def test_a_query_without_a_word_finds_nothing(talk: Talk, library: ConversationLibrary, query: str) -> None:
    talk.new("Question ???")
    assert library.search(query).hits == ()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example('"' * 999)
@example("a" * 10_000)
@example("NEAR(a b, 5) AND {text facts}: ^x* OR -y + 'z")
@example("a\u2003b\x85c:*\\'d !& | <-> ()")
@example(" ".join(["word"] * 3000))
@example("\U0001f469\u200d\U0001f52c \ufeff\u2028 \U00020000 \ufb01 ß İ \u017f \u0301")
@given(st.text() | st.text("\"*:()^-+{}|&!<>\\'~ aé中\0\ud800"))
def test_no_query_ever_fails_or_finds_what_is_not_there(library: ConversationLibrary, query: str) -> None:
    filters = Filters(persona_id=query, model=query)
    assert library.search(query).hits == ()
    assert library.search(query, filters).hits == ()
    assert library.list(filters).conversations == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.from_regex(r"[a-zA-Zäöüéñ0-9]{2,12}( [a-zA-Zäöüéñ0-9]{2,12}){0,8}", fullmatch=True))
def test_a_text_is_found_by_each_of_its_words_and_all_of_them(
    talk: Talk, library: ConversationLibrary, words: str
) -> None:
    conversation_id = talk.new(f"({words})!")
    for query in (*words.split(), words, f'"{words}"'):
        hit = library.search(query).hits[0]
        assert hit.conversation.id == conversation_id
        assert hit.marks


def test_excerpts_are_cut_around_the_first_match(talk: Talk, library: ConversationLibrary) -> None:
    talk.new("start " * 200 + "\nneedle\tin a needle stack " + "end " * 200)
    (hit,) = library.search("needle").hits
    assert len(hit.excerpt) <= 165
    assert hit.excerpt.startswith("…start ")
    assert hit.excerpt.endswith("…")
    assert "\n" not in hit.excerpt
    assert [hit.excerpt[start:end] for start, end in hit.marks] == ["needle", "needle"]


def test_a_running_reply_is_found_only_when_it_has_ended(
    talk: Talk, library: ConversationLibrary, database: Database
) -> None:
    conversation_id = talk.new("Question")
    above = talk.store.get("local", conversation_id).path[0].id
    reply = Reply(state="running", text="half a zebra")
    reply_id = talk.add(conversation_id, turn("", above, asks=False, reply=reply))
    records = SqlReplies(database)
    assert records.claim(reply_id, process_id="p" * 32)
    assert found(library, "zebra") == []
    states: tuple[TurnState, ...] = ("running", "paused", "running")
    for state in states:
        records.save({reply_id: (Reply(state=state, text="half a zebra and"), "")}, process_id="p" * 32)
        assert found(library, "zebra") == []
    ended = Reply(state="finished", text="half a zebra and a lion", model="o9")
    records.save({reply_id: (ended, "")}, process_id="p" * 32)
    assert found(library, "zebra lion") == ["zebra|lion"]
    assert found(library, "zebra", Filters(model="o9")) == ["zebra"]


def test_continuing_a_reply_takes_it_out_and_puts_it_back(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("Question", "Stopped zebra")
    reply_id = talk.store.get("local", conversation_id).path[1].id
    talk.set_turn(reply_id, state="running")
    assert found(library, "zebra") == []
    talk.set_turn(reply_id, state="finished", text="Stopped zebra, now a lion")
    assert found(library, "zebra lion") == ["zebra|lion"]


def test_deleting_and_restoring_a_turn_shows_in_search(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("Zebra question", "Zebra answer", "More zebra", "Even more zebra")
    path = talk.store.get("local", conversation_id).path
    leaf_id = talk.store.delete_turn("local", path[1].id)
    assert [hit.turn_id for hit in library.search("zebra").hits] == [path[0].id]
    talk.store.restore_turn("local", path[1].id, leaf_id=leaf_id)
    assert len(library.search("zebra").hits) == 4


def test_pages_go_on_below_many_hidden_turns(talk: Talk, library: ConversationLibrary) -> None:
    shown = talk.new("Zebra below")
    hidden = talk.new(*["zebra"] * 60)
    talk.store.delete_turn("local", talk.store.get("local", hidden).path[0].id)
    page = library.search("zebra", limit=1)
    assert [hit.conversation.id for hit in page.hits] == [shown]
    assert page.next_cursor is None


def test_deleting_and_archiving_a_conversation_shows_in_search(
    talk: Talk, library: ConversationLibrary
) -> None:
    conversation_id = talk.new("Zebra question")
    library.archive(conversation_id, True)
    assert found(library, "zebra") == []
    assert found(library, "zebra", Filters(archived=True)) == ["Zebra"]
    library.archive(conversation_id, False)
    library.delete(conversation_id)
    assert found(library, "zebra") == []
    library.restore(conversation_id)
    assert found(library, "zebra") == ["Zebra"]
    talk.store.discard("local", conversation_id)
    assert found(library, "zebra") == []


def test_search_is_filtered_by_what_the_turn_is(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("zebra question", "zebra answer", persona_id="tutor", model="o9")
    reply_id = talk.store.get("local", conversation_id).path[1].id
    talk.new("zebra elsewhere")
    assert len(found(library, "zebra", Filters(persona_id="tutor"))) == 2
    assert len(found(library, "zebra", Filters(model="o9"))) == 1
    ratings: tuple[Rating, ...] = (1, -1)
    for rating in ratings:
        talk.store.rate("local", reply_id, rating)
        hits = library.search("zebra", Filters(rating=rating)).hits
        assert [hit.turn_id for hit in hits] == [reply_id]
    assert found(library, "zebra", Filters(rating=1)) == []
    talk.store.rate("local", reply_id, None)
    assert found(library, "zebra", Filters(rating=-1)) == []


@pytest.mark.parametrize("years", [0, 1, 30])
def test_search_is_filtered_by_date(talk: Talk, library: ConversationLibrary, years: int) -> None:
    moment = now() - timedelta(days=365 * years + 40)
    talk.new("zebra then", created_at=moment)
    talk.new("zebra now")
    a_second = timedelta(seconds=1)
    assert len(found(library, "zebra", Filters(since=moment))) == 2
    assert len(found(library, "zebra", Filters(since=moment + a_second))) == 1
    assert len(found(library, "zebra", Filters(until=moment + a_second))) == 1
    assert len(found(library, "zebra", Filters(until=moment))) == 0
    assert len(found(library, "zebra", Filters(since=moment, until=moment + a_second))) == 1


def test_pages_of_hits_hold_each_once_while_new_ones_come(talk: Talk, library: ConversationLibrary) -> None:
    talk.new(*["zebra"] * 25)
    seen: list[str] = []
    cursor = None
    while True:
        page = library.search("zebra", limit=7, cursor=cursor)
        seen += [hit.turn_id for hit in page.hits]
        talk.new("zebra again")
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 25
    with pytest.raises(CursorInvalid):
        library.search("zebra", cursor="nonsense")


def test_what_is_older_than_the_first_look_is_found(
    talk: Talk, library: ConversationLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.history.fulltext._LOOK", 3)
    monkeypatch.setattr("personachat.history.fulltext._MOST_LOOKS", 2)
    old = talk.new("rare zebra", "rare lion", "zebra")
    talk.new(*["zebra"] * 20)
    assert [hit.conversation.id for hit in library.search("rare").hits] == [old, old]
    assert [hit.conversation.id for hit in library.search("rare", limit=1).hits] == [old]
    assert len(library.search("zebra", limit=30).hits) == 22
    page = library.search("zebra", limit=5)
    rest = library.search("zebra", limit=30, cursor=page.next_cursor)
    assert len({hit.turn_id for hit in page.hits + rest.hits}) == 22


def test_a_stranger_finds_nothing_and_hides_nothing(
    talk: Talk, library: ConversationLibrary, database: Database
) -> None:
    talk.new("zebra mine")
    talk.new(*["zebra theirs"] * 40, owner=STRANGER)
    assert found(library, "zebra") == ["zebra"]
    assert found(library, "theirs") == []
    assert len(ConversationLibrary(database, owner=STRANGER).search("zebra").hits) == 30
    for owner in ("", "loca", "local ", "LOCAL", "Local'", "user:stranger"):
        assert ConversationLibrary(database, owner=owner).search("zebra").hits == ()


def test_a_reply_of_a_million_characters_is_searched(talk: Talk, library: ConversationLibrary) -> None:
    talk.new("needle " + " ".join(f"word{number}" for number in range(120_000)))
    assert found(library, "needle") == ["needle"]


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("lodz", ["Łódź"]),
        ("ŁÓDŹ", ["Łódź"]),
        ("łód", ["Łódź"]),
        ("strasse", ["Straße"]),
        ("STRAßE", ["Straße"]),
        ("strass", ["Straße"]),
        ("aero", ["Ærø"]),
        ("smorrebrod", ["smørrebrød"]),
        ('"lodz strasse"', ["Łódź Straße"]),
    ],
)
def test_letters_are_found_by_their_plain_spelling(
    talk: Talk, library: ConversationLibrary, query: str, marked: list[str]
) -> None:
    talk.new("In Łódź Straße they eat smørrebrød from Ærø")
    assert found(library, query) == marked


def test_a_special_letter_finds_its_plain_spelling(talk: Talk, library: ConversationLibrary) -> None:
    talk.new("Strasse in Lodz")
    assert found(library, "Straße Łódź") == ["Strasse|Lodz"]


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("👍", ["👍"]),
        ("👍🏽", ["👍🏽"]),
        ("❤️", ["❤"]),
        ("❤", ["❤"]),
        ("🇩🇪", ["🇩🇪"]),
        ("👩‍🔬", ["👩‍🔬"]),
        ("😀", []),
        ("good 👍", ["good|👍"]),
    ],
)
def test_an_emoji_is_found(talk: Talk, library: ConversationLibrary, query: str, marked: list[str]) -> None:
    talk.new("good 👍🏽 ❤️ 🇩🇪 👩‍🔬")
    assert found(library, query) == marked


@pytest.mark.parametrize("query", ["ﾃﾞｰﾀ", "データ", "ﾃﾞｰ"])
@pytest.mark.parametrize("said", ["ﾃﾞｰﾀを見る", "データを見る"])
def test_katakana_are_found_in_either_width(
    talk: Talk, library: ConversationLibrary, query: str, said: str
) -> None:
    talk.new(said)
    assert len(found(library, query)) == 1
    assert found(library, query) != [""]


def test_a_title_is_searched_with_the_first_message(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("zebra question", "zebra answer")
    first = talk.store.get("local", conversation_id).path[0].id
    library.rename(conversation_id, "Quarterly Łódź 東京 review 🚀")
    for query in ("quarterly", "lodz zebra", "東京", "🚀 review"):
        assert [hit.turn_id for hit in library.search(query).hits] == [first], query
    library.rename(conversation_id, "Something else")
    assert library.search("quarterly").hits == ()
    assert len(library.search("zebra").hits) == 2


def test_a_title_is_found_after_its_first_message_changed(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("zebra question", "answer")
    library.rename(conversation_id, "Quarterly review")
    first = talk.store.get("local", conversation_id).path[0].id
    talk.set_turn(first, text="lion question")
    assert [hit.turn_id for hit in library.search("quarterly lion").hits] == [first]
    library.archive(conversation_id, True)
    assert found(library, "quarterly") == []
    library.archive(conversation_id, False)
    talk.store.discard("local", conversation_id)
    assert library.search("quarterly").hits == ()
