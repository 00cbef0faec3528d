from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from personachat.database.connection import Database
from personachat.personas.store.changes import change_mark
from personachat.settings import Settings
from tests.conftest import persona_text
from tests.personas.store.conftest import Replicas


def test_every_change_is_told_by_any_server_and_looking_is_none(replicas: Replicas, tmp_path: Path) -> None:
    settings = Settings(
        persona_store="files" if replicas.kind == "files" else "database",
        personas_dir=tmp_path / "personas",
        data_dir=tmp_path / "data",
    )
    (store, _), beside = replicas.open(), change_mark(settings, replicas.database())
    store.create(persona_text(id="ann", name="Ann"))
    marks = [beside()]
    store.all()
    assert beside() == marks[0] is not None
    store.save(persona_text(id="ann", name="Anna"))
    marks.append(beside())
    store.rename("ann", "anna")
    marks.append(beside())
    store.delete("anna")
    marks.append(beside())
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("persona_store", ["files", "database"])
def test_what_cannot_be_reached_tells_nothing(
    sqlite_url: str, tmp_path: Path, persona_store: Literal["files", "database"]
) -> None:
    settings = Settings(persona_store=persona_store, personas_dir=tmp_path / "none", data_dir=tmp_path)
    with closing(Database(sqlite_url)) as database:
        with database.write() as connection:
            connection.exec_driver_sql("DROP TABLE persona_changes")
        assert change_mark(settings, database)() is None
