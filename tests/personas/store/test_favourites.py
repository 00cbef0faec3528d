from __future__ import annotations

import threading

import pytest

from personachat.database.connection import Database
from personachat.personas.store.favourites import Favourites


@pytest.fixture
def favourites(database: Database) -> Favourites:
    return Favourites(database)


def test_whoever_likes_nothing_has_none(favourites: Favourites) -> None:
    assert favourites.of("me") == frozenset()


def test_favourites_come_and_go(favourites: Favourites) -> None:
    for persona_id in ("a", "b", "c"):
        favourites.set("me", persona_id, favourite=True)
    favourites.set("me", "b", favourite=False)
    assert favourites.of("me") == {"a", "c"}


def test_saying_it_twice_is_saying_it_once(favourites: Favourites) -> None:
    for favourite in (True, True, False, False):
        favourites.set("me", "a", favourite=favourite)
        assert favourites.of("me") == ({"a"} if favourite else frozenset())


def test_favourites_are_somebodys_own(favourites: Favourites) -> None:
    for owner in ("me", "you"):
        favourites.set(owner, "a", favourite=True)
    favourites.set("you", "a", favourite=False)
    assert favourites.of("me") == {"a"}
    assert favourites.of("you") == frozenset()


def test_another_server_knows_them(favourites: Favourites, database_url: str) -> None:
    favourites.set("me", "a", favourite=True)
    other = Database(database_url)
    try:
        assert Favourites(other).of("me") == {"a"}
    finally:
        other.close()


def test_many_clicks_at_once_leave_one_favourite(favourites: Favourites) -> None:
    errors: list[Exception] = []
    together = threading.Barrier(8)

    def click() -> None:
        together.wait()
        try:
            favourites.set("me", "a", favourite=True)
        except Exception as error:  # noqa: BLE001  # looked at below
            errors.append(error)

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert favourites.of("me") == {"a"}
