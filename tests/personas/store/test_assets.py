"""Files of cards in the database: each once, read one by one, and known by their set."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, select

from personachat.database.connection import Database
from personachat.personas.assets.sets import AssetSet, AssetsOnTheirWay, digest_of
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.tables import persona_asset_sets, persona_assets


@dataclass(frozen=True)
class File:
    content: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.content)


def assets_of(**files: bytes) -> AssetsOnTheirWay:
    made = {name: File(content) for name, content in files.items()}
    listed = AssetSet.of({name: each.digest for name, each in made.items()})
    return AssetsOnTheirWay(listed, {each.digest: each for each in made.values()})


def test_a_set_gives_its_files_back_and_keeps_each_once(database: Database) -> None:
    store = PersonaAssets(database)
    bells = assets_of(high=b"ding", low=b"dong", again=b"ding")
    for each in (bells, bells, assets_of(low=b"dong")):
        store.keep(each)
    files = store.files(bells.set.digest)
    assert files is not None
    assert {name: read() for name, read in files.items()} == {
        "high": b"ding",
        "low": b"dong",
        "again": b"ding",
    }
    assert store.existing((bells.set.digest, "0" * 32)) == {bells.set.digest}
    assert store.files("0" * 32) is None
    with database.read() as connection:
        counts = [
            connection.scalar(select(func.count()).select_from(table))
            for table in (persona_assets, persona_asset_sets)
        ]
    assert counts == [2, 2]


def test_a_file_that_has_gone_is_not_among_the_others(database: Database) -> None:
    store, bells = PersonaAssets(database), assets_of(high=b"ding", low=b"dong")
    store.keep(bells)
    with database.write() as connection:
        connection.execute(delete(persona_assets).where(persona_assets.c.digest == digest_of(b"ding")))
    files = store.files(bells.set.digest)
    assert files is not None
    assert list(files) == ["low"]
    store.keep(bells)
    assert len(store.files(bells.set.digest) or ()) == 2


def test_the_digest_of_a_set_does_not_depend_on_the_order() -> None:
    one, other = assets_of(a=b"1", b=b"2"), assets_of(b=b"2", a=b"1")
    assert one.set.digest == other.set.digest
    assert AssetSet.loads(one.set.listing) == one.set
