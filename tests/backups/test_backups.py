"""A backup has everything and comes back whole, into either database; no data is overwritten unasked."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, inspect

from personachat.backups import archive, making, restoring
from personachat.backups.making import make_backup
from personachat.backups.restoring import restore_backup
from personachat.database.connection import Database
from personachat.database.schema import VERSION_TABLE
from personachat.errors import BackupFailed
from personachat.personas.persona import Persona
from personachat.personas.store.base import StoredPersona
from personachat.services import build_services
from personachat.settings import Settings
from tests.backups.conftest import KEY, KINDS, SUITE, contents, empty, files_in, use
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider
from tests.usage.conftest import over


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_all_that_was_there_is_there_again_in_either_database(
    source: str, target: str, tmp_path: Path, provider: FakeProvider
) -> None:
    file = tmp_path / "all.zip"
    with empty(source, tmp_path / "source") as old, empty(target, tmp_path / "target") as new:
        use(old, provider)
        made = make_backup(old, file)
        done = restore_backup(new, file)
        before = contents(old)
        assert contents(new) == before
        assert files_in(new) == files_in(old)
        assert (done.rows, done.files) == (made.rows, made.files)
        assert done.rows == sum(len(rows) for rows in before.values())
        used = {name for name, rows in before.items() if rows}
        assert used >= {
            "turns",
            "shares",
            "persona_revisions",
            "persona_pictures",
            "persona_assets",
            "persona_asset_sets",
            "persona_shares",
            "usage_calls",
        }
        goes_on(new, provider)


def goes_on(settings: Settings, provider: FakeProvider) -> None:
    """What was restored is found, and more is written beside it."""
    services = build_services(settings.model_copy(update={"openai_base_url": provider.base_url}))
    try:
        here = local(services)
        found = here.library.search("zebrafish").hits[0]
        over(here.chat.send(found.conversation.id, "Go on", persona_id="tester"))
        services.personas.save(persona_text(systemPrompt="Later."))
        assert [each.number for each in services.revisions.of("tester")] == [3, 2, 1]
    finally:
        services.close()


def test_every_table_of_the_database_is_kept(fresh: Settings) -> None:
    database = Database.of(fresh)
    with database.read() as connection:
        there = {name for name in inspect(connection).get_table_names() if not name.startswith("turn_words")}
    database.close()
    kept = {table.name for table in archive.all_tables()}
    assert kept == there - archive.LEFT_OUT - {VERSION_TABLE}


def test_personas_in_files_become_rows_and_rows_become_files(
    tmp_path: Path, used: Settings, provider: FakeProvider
) -> None:
    with (
        empty("sqlite", tmp_path / "rows", persona_store="database") as rows,
        empty("sqlite", tmp_path / "files") as files,
    ):
        make_backup(used, tmp_path / "1.zip")
        restore_backup(rows, tmp_path / "1.zip")
        assert personas_of(rows) == personas_of(used)
        make_backup(rows, tmp_path / "2.zip")
        restore_backup(files, tmp_path / "2.zip")
        assert personas_of(files) == personas_of(used)
        assert "gone.json" not in files_in(files)
        assert files_in(files)["tester.tests.yaml"] == SUITE.encode()


def personas_of(settings: Settings) -> dict[str, Persona]:
    services = build_services(settings)
    try:
        found = services.personas.all()
        return {each.id: each.persona for each in found if isinstance(each, StoredPersona)}
    finally:
        services.close()


def test_no_secret_of_the_settings_is_in_it_and_others_cannot_read_it(used: Settings, tmp_path: Path) -> None:
    file = tmp_path / "all.zip"
    make_backup(used, file)
    with zipfile.ZipFile(file) as found:
        assert not [name for name in found.namelist() if KEY.encode() in found.read(name)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob(".*partial*")] == []


def test_what_is_written_meanwhile_is_not_half_in_it(
    used: Settings, fresh: Settings, tmp_path: Path, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(used)
    services = build_services(used.model_copy(update={"openai_base_url": provider.base_url}))
    write_table = making._write_table

    def write_slowly(connection: Any, table: Table, into: zipfile.ZipFile) -> int:
        if table.name == "turns":  # the conversations are written already
            over(local(services).chat.begin("Meanwhile", persona_id="tester"))
        return write_table(connection, table, into)

    monkeypatch.setattr(making, "_write_table", write_slowly)
    make_backup(used, tmp_path / "all.zip")
    services.close()
    restore_backup(fresh, tmp_path / "all.zip")
    after = contents(fresh)
    assert after["turns"] == before["turns"]
    assert after["conversations"] == before["conversations"]


def test_data_that_is_there_is_replaced_only_if_that_is_asked_for(
    used: Settings, fresh: Settings, tmp_path: Path, provider: FakeProvider
) -> None:
    file = tmp_path / "all.zip"
    make_backup(used, file)
    use(fresh, provider)
    before = contents(fresh)
    with pytest.raises(BackupFailed, match="already has data") as refused:
        restore_backup(fresh, file)
    assert "--force" in refused.value.hint
    assert contents(fresh) == before
    (fresh.personas_dir / "extra.json").write_text(persona_text("extra"), "utf-8")
    restore_backup(fresh, file, replace=True)
    assert contents(fresh) == contents(used)
    assert files_in(fresh) == files_in(used)


def test_a_persona_of_ones_own_in_the_folder_is_data_and_the_same_one_is_not(
    used: Settings, fresh: Settings, tmp_path: Path
) -> None:
    make_backup(used, tmp_path / "all.zip")
    fresh.personas_dir.mkdir()
    own = fresh.personas_dir / "own.json"
    own.write_text(persona_text("own"), "utf-8")
    with pytest.raises(BackupFailed, match='The folder "personas" already has data'):
        restore_backup(fresh, tmp_path / "all.zip")
    assert own.exists()
    own.unlink()
    (fresh.personas_dir / "tester.json").write_bytes((used.personas_dir / "tester.json").read_bytes())
    restore_backup(fresh, tmp_path / "all.zip")


ROWS: Mapping[str, Any] = {
    "a list": [1],
    "a number": 7,
    "null": None,
    "no values": {},
    "a column more": {"invented": 1},
    "a moment that is none": {"created_at": 7},
    "a number without end": {"model": 2**70},
    "a value of another shape": {"role": {"a": 1}},
    "a turn of no conversation": {"conversation_id": "nobody's"},
    "what nobody wrote": {"text": None},
}
"""What stands for the last turn; an object changes it, if it is not empty."""

HARMS = ("cut", "flipped", "words", "empty", "other zip", "a row less", "no table", "a row twice", *ROWS)
HARMS_OF_ARCHIVES = ("deep", "encrypted", "of a later version")


@pytest.mark.parametrize("harm", [*HARMS, *HARMS_OF_ARCHIVES])
def test_what_is_no_whole_backup_changes_nothing(
    harm: str, used: Settings, fresh: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "all.zip"
    make_backup(used, file)
    harmed(file, harm)
    before = contents(fresh)
    with pytest.raises(BackupFailed, match="not a complete backup"):
        restore_backup(fresh, file)
    assert contents(fresh) == before
    assert not fresh.personas_dir.exists() or files_in(fresh) == {}


def harmed(file: Path, harm: str) -> None:
    content = file.read_bytes()
    if harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "flipped":
        with zipfile.ZipFile(file) as found:
            info = found.getinfo("tables/turns.jsonl")
        at = info.header_offset + 100 + info.compress_size // 2
        file.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
    elif harm == "words":
        file.write_text("These are words.", "utf-8")
    elif harm == "empty":
        file.write_bytes(b"")
    elif harm == "other zip":
        with zipfile.ZipFile(file, "w") as other:
            other.writestr("a.txt", "a")
    elif harm in {"encrypted", "of a later version"}:
        at = content.rindex(b"PK\x01\x02") + (
            8 if harm == "encrypted" else 6
        )  # the manifest's entry is the last
        file.write_bytes(content[:at] + (b"\x01" if harm == "encrypted" else b"\xff") + content[at + 1 :])
    else:
        rewritten(file, lambda name, text: changed(harm, name, text))


def changed(harm: str, name: str, text: bytes) -> bytes | None:
    lines = text.splitlines(keepends=True)
    if name == "manifest.json" and harm == "a row twice":
        manifest = json.loads(text)
        manifest["rows"]["turns"] += 1
        return json.dumps(manifest).encode()
    if name != "tables/turns.jsonl":
        return text
    if harm == "no table":
        return None
    if harm == "a row twice":
        return b"".join((*lines, lines[-1]))
    if harm == "deep":
        return b"".join((*lines[:-1], b"[" * 100_000))
    if harm in ROWS:
        value = ROWS[harm]
        last = json.loads(lines[-1]) | value if isinstance(value, dict) and value else value
        return b"".join((*lines[:-1], json.dumps(last).encode()))
    return b"".join(lines[:-1])


def rewritten(file: Path, change: Any) -> None:
    with zipfile.ZipFile(file) as found:
        members = {name: change(name, found.read(name)) for name in found.namelist()}
    with zipfile.ZipFile(file, "w") as again:
        for name, text in members.items():
            if text is not None:
                again.writestr(name, text)


def with_blanks(there: str, name: str, text: bytes) -> bytes:
    return text + b" " * 1_000_000 if name == there else text


def test_what_unpacks_without_end_is_not_read_to_its_end(
    used: Settings, fresh: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_ROW_BYTES", 1_000_000)
    monkeypatch.setattr(restoring, "MOST_FILE_BYTES", 1_000_000)
    monkeypatch.setattr(restoring, "_MOST_MANIFEST_BYTES", 1_000_000)
    make_backup(used, tmp_path / "all.zip")
    for endless in ("manifest.json", "tables/turns.jsonl", "personas/tester.json"):
        file = tmp_path / "endless.zip"
        file.write_bytes((tmp_path / "all.zip").read_bytes())
        rewritten(
            file, lambda name, text, endless=endless: text + b" " * 1_000_000 if name == endless else text
        )
        with pytest.raises(BackupFailed, match="not a complete backup"):
            restore_backup(fresh, file)
    assert files_in(fresh) == {}


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"tables_version": "9999"}, "newer version"),
        ({"format_version": 2}, "newer version"),
        ({"tables_version": "0001"}, "older version"),
        ({"rows": {"inventions": 1}}, "inventions"),
    ],
)
def test_a_backup_of_other_tables_is_refused_with_the_way_out(
    known: dict[str, Any], said: str, used: Settings, fresh: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "all.zip"
    make_backup(used, file)

    def change(name: str, text: bytes) -> bytes:
        return json.dumps(json.loads(text) | known).encode() if name == "manifest.json" else text

    rewritten(file, change)
    with pytest.raises(BackupFailed, match=said) as refused:
        restore_backup(fresh, file)
    assert refused.value.hint


def test_no_file_of_a_backup_gets_out_of_the_folder(used: Settings, fresh: Settings, tmp_path: Path) -> None:
    file = tmp_path / "all.zip"
    make_backup(used, file)
    names = ["../out.json", "/out.json", "..\\out.json", ".seeded", "x.sh"]
    names += ["a/../../out.json", "a/.git/out.json", "a/..\\..\\out.json", "A B/out.json", "a/C:/out.json"]

    def change(name: str, text: bytes) -> bytes:
        return json.dumps(json.loads(text) | {"files": names}).encode() if name == "manifest.json" else text

    rewritten(file, change)
    restore_backup(fresh, file)
    assert files_in(fresh) == {}
    assert not list(tmp_path.rglob("out.json"))


def test_a_link_in_the_folder_leads_no_file_outside(used: Settings, fresh: Settings, tmp_path: Path) -> None:
    make_backup(used, tmp_path / "all.zip")
    outside = tmp_path / "outside"
    outside.mkdir()
    fresh.personas_dir.mkdir(exist_ok=True)
    (fresh.personas_dir / "ringer").symlink_to(outside)
    restore_backup(fresh, tmp_path / "all.zip")
    assert "tester.json" in files_in(fresh)
    assert not list(outside.iterdir())


def test_where_a_backup_cannot_be_written_or_read_is_a_sentence(used: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="can't be written: no such file"):
        make_backup(used, tmp_path / "none" / "all.zip")
    with pytest.raises(BackupFailed, match="There is no file"):
        restore_backup(used, tmp_path / "none.zip")


def test_a_failed_backup_leaves_the_one_before(
    used: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "all.zip"
    make_backup(used, file)
    before = file.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "_write_table", full)
    with pytest.raises(BackupFailed, match="no space left"):
        make_backup(used, file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.glob(".*partial*")] == []
