from __future__ import annotations

import re
import threading

import pytest

from personachat.database.connection import Database
from personachat.errors import ShareNotFound
from personachat.personas.store.shares import PersonaShares
from tests.conftest import persona_text


@pytest.fixture
def shares(database: Database) -> PersonaShares:
    return PersonaShares(database)


def test_a_link_shows_the_persona_as_it_was_when_it_was_shared(shares: PersonaShares) -> None:
    text = persona_text("a", description="ü 漢字 😀\r\n" * 3_000)
    token = shares.share("me", "a", text)
    assert shares.read(token) == text


def test_sharing_again_renews_the_snapshot_under_the_same_link(shares: PersonaShares) -> None:
    token = shares.share("me", "a", "old")
    first = shares.of("me", "a")
    assert shares.share("me", "a", "new") == token
    second = shares.of("me", "a")
    assert shares.read(token) == "new"
    assert first is not None
    assert second is not None
    assert first.created_at <= second.created_at
    assert (second.token, second.persona_id) == (token, "a")


def test_what_is_not_shared_has_no_link(shares: PersonaShares) -> None:
    shares.share("me", "a", "text")
    assert shares.of("me", "b") is None
    assert shares.of("you", "a") is None


def test_a_revoked_link_shows_nothing_and_a_later_one_is_another(shares: PersonaShares) -> None:
    token = shares.share("me", "a", "text")
    shares.revoke("me", "a")
    assert shares.of("me", "a") is None
    with pytest.raises(ShareNotFound):
        shares.read(token)
    assert shares.share("me", "a", "text") != token
    with pytest.raises(ShareNotFound):
        shares.read(token)


def test_only_the_owner_and_only_that_link_is_revoked(shares: PersonaShares) -> None:
    tokens = [shares.share("me", persona_id, persona_id) for persona_id in ("a", "b")]
    shares.revoke("you", "a")
    shares.revoke("me", "b")
    shares.revoke("me", "b")
    assert shares.read(tokens[0]) == "a"


def test_owners_share_the_same_persona_with_links_of_their_own(shares: PersonaShares) -> None:
    mine, yours = shares.share("me", "a", "my text"), shares.share("you", "a", "your text")
    assert mine != yours
    assert (shares.read(mine), shares.read(yours)) == ("my text", "your text")


def test_a_link_cannot_be_guessed_and_stays_out_of_what_is_printed(shares: PersonaShares) -> None:
    token = shares.share("me", "a", "text")
    assert re.fullmatch("[A-Za-z0-9_-]{43}", token)
    assert token not in repr(shares.of("me", "a"))


@pytest.mark.parametrize(
    "token",
    ["", "x" * 43, "x" * 42, "x" * 44, "%" * 43, "x" * 42 + "\n", "\x00" * 43, "\ud800" * 43, "é" * 43],
)
def test_whatever_is_no_link_is_refused_in_the_same_words(token: str, shares: PersonaShares) -> None:
    shares.share("me", "a", "text")
    with pytest.raises(ShareNotFound) as caught:
        shares.read(token)
    assert str(caught.value) == "This link is invalid or was revoked."
    assert caught.value.hint


def test_many_who_share_at_once_get_one_link(shares: PersonaShares) -> None:
    tokens: list[str] = []
    together = threading.Barrier(8)

    def share(number: int) -> None:
        together.wait()
        tokens.append(shares.share("me", "a", str(number)))

    threads = [threading.Thread(target=share, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 8
    assert len(set(tokens)) == 1
    assert shares.read(tokens[0]) in set("01234567")
