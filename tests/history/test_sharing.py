from __future__ import annotations

import pytest

from personachat.conversations.model import Reply
from personachat.database.connection import Database
from personachat.errors import MessageInvalid, ShareNotFound
from personachat.history.library import ConversationLibrary
from personachat.history.sharing import SharedConversations
from tests.history.talk import Talk, turn


@pytest.fixture
def links(database: Database) -> SharedConversations:
    return SharedConversations(database)


def said(links: SharedConversations, token: str) -> list[str]:
    return [one.text for one in links.read(token).turns]


def refused(links: SharedConversations, token: str) -> bool:
    try:
        links.read(token)
    except ShareNotFound:
        return True
    return False


def test_a_link_shows_words_and_speakers_and_nothing_else(
    talk: Talk, library: ConversationLibrary, links: SharedConversations
) -> None:
    conversation_id = talk.new("Question")
    above = talk.store.get("local", conversation_id).path[0].id
    reply = Reply(state="finished", text="Answer", reasoning="SECRET", model="SECRET", reason="SECRET")
    talk.add(conversation_id, turn("", above, asks=False, reply=reply, rating_note="SECRET"))
    link = library.share(conversation_id)
    shared = links.read(link.token)
    assert [(one.role, one.text, one.persona_name, one.avatar) for one in shared.turns] == [
        ("user", "Question", "Analyst", "🧭"),
        ("assistant", "Answer", "Analyst", "🧭"),
    ]
    assert (shared.title, shared.created_at) == ("Question", link.created_at)
    shown = repr(shared)
    assert all(hidden not in shown for hidden in ("SECRET", conversation_id, above, "local", link.token))


def test_a_token_is_long_and_not_in_what_is_logged(talk: Talk, library: ConversationLibrary) -> None:
    first, second = (library.share(talk.new("Question")) for _ in range(2))
    assert first.token != second.token
    assert len(first.token) == 43
    assert first.token not in repr(first)


def test_a_link_shows_the_branch_as_it_was(
    talk: Talk, library: ConversationLibrary, links: SharedConversations
) -> None:
    conversation_id = talk.new("Question", "Stopped in")
    reply_id = talk.store.get("local", conversation_id).path[1].id
    link = library.share(conversation_id)
    talk.set_turn(reply_id, text="Stopped in the middle, and on")
    talk.say(conversation_id, "Private afterthought")
    library.rename(conversation_id, "Another title")
    assert said(links, link.token) == ["Question", "Stopped in"]
    assert links.read(link.token).title == "Question"


def test_sharing_again_renews_the_same_link(
    talk: Talk, library: ConversationLibrary, links: SharedConversations
) -> None:
    conversation_id = talk.new("Question", "Answer")
    link = library.share(conversation_id)
    talk.say(conversation_id, "More")
    again = library.share(conversation_id)
    assert again.token == link.token
    assert said(links, link.token) == ["Question", "Answer", "More"]
    assert library.share_of(conversation_id) == again


def test_a_revoked_link_shows_nothing_and_never_comes_back(
    talk: Talk, library: ConversationLibrary, links: SharedConversations
) -> None:
    conversation_id = talk.new("Question")
    link = library.share(conversation_id)
    library.revoke(conversation_id)
    library.revoke(conversation_id)
    assert library.share_of(conversation_id) is None
    assert not library.summary(conversation_id).shared
    assert library.share(conversation_id).token != link.token
    assert refused(links, link.token)


def test_what_is_deleted_is_not_shown(
    talk: Talk, library: ConversationLibrary, links: SharedConversations
) -> None:
    conversation_id = talk.new("Question", "Answer", "More")
    root = talk.store.get("local", conversation_id).path[0].id
    link = library.share(conversation_id)
    leaf_id = talk.store.delete_turn("local", root)
    assert refused(links, link.token)
    talk.store.restore_turn("local", root, leaf_id=leaf_id)
    assert len(said(links, link.token)) == 3
    library.delete(conversation_id)
    assert refused(links, link.token)
    library.restore(conversation_id)
    assert len(said(links, link.token)) == 3
    talk.store.discard("local", conversation_id)
    assert refused(links, link.token)


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "é" * 43, "A" * 43, "A" * 9999, "%" * 43])
def test_what_is_no_link_shows_nothing(links: SharedConversations, token: str) -> None:
    with pytest.raises(ShareNotFound, match="is invalid or was revoked"):
        links.read(token)


def test_a_turn_without_words_is_left_out(
    talk: Talk, library: ConversationLibrary, links: SharedConversations
) -> None:
    conversation_id = talk.new("Question", "")
    assert said(links, library.share(conversation_id).token) == ["Question"]


def test_nothing_to_share_is_said(talk: Talk, library: ConversationLibrary) -> None:
    with pytest.raises(MessageInvalid, match="nothing to share"):
        library.share(talk.new())


def test_a_long_branch_is_shown_whole(
    talk: Talk, library: ConversationLibrary, links: SharedConversations
) -> None:
    conversation_id = talk.new(*[f"Words {number}" for number in range(1500)])
    assert said(links, library.share(conversation_id).token)[-1] == "Words 1499"
