"""The tables of every version become today's by themselves, with what is in them."""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, insert, inspect, select, text

import personachat.accounts
import personachat.conversations
import personachat.lab
import personachat.lab.comparisons
import personachat.personas.store
import personachat.usage
from personachat.conversations.model import Reply, Turn
from personachat.conversations.responses import KeptResponse, KeptResponses
from personachat.conversations.sql import SqlConversations
from personachat.conversations.tables import LIVE, turns
from personachat.database import schema
from personachat.database.columns import metadata
from personachat.database.connection import Database
from personachat.errors import DatabaseDamaged
from personachat.history.library import ConversationLibrary
from personachat.history.query import SPELLINGS
from personachat.lab.pair_labels import PairLabelling, PairToLabel
from personachat.lab.runs.model import PairVerdict
from personachat.lab.runs.options import RunOptions
from personachat.lab.runs.records import SqlRuns
from personachat.lab.sampled_replies import SampledReplies
from personachat.lab.testing_tables import test_labels
from personachat.messages import Usage
from tests.killed_writers import PROCESSES, prepare, start
from tests.postgres import fresh_database
from tests.spoken import OWNER, spoken

FIRST_TABLES = {"conversations", "turns", "prompts", "queued_messages", "processes"}


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/conversations.sqlite3"
    else:
        with fresh_database() as url:
            yield url


def engine_of(url: str, tmp_path: Path) -> Engine:
    (tmp_path / "new").mkdir(exist_ok=True)
    return create_engine(url)


def test_the_newest_version_is_the_one_alembic_finds() -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))
    assert scripts.get_heads() == [schema.revisions()[-1]]
    assert sorted(script.revision for script in scripts.walk_revisions()) == list(schema.revisions())


def test_the_migrations_make_the_tables_that_the_program_uses(database: Database) -> None:
    ours = (
        personachat.accounts,
        personachat.conversations,
        personachat.lab,
        personachat.lab.comparisons,
        personachat.personas.store,
        personachat.usage,
    )
    for package in ours:
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)

    def is_ours(name: str | None, kind: str, _: Any) -> bool:
        return kind != "table" or name in metadata.tables

    with database.read() as connection:
        options = {"compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_indexes_of_a_part_cover_the_same_part(sqlite_database: Database) -> None:
    with sqlite_database.read() as connection:
        query = text("SELECT sql FROM sqlite_master WHERE name = 'ix_turns_live'")
        assert str(connection.execute(query).scalar()).endswith("WHERE state IN ('running', 'paused')")
        live = select(turns.c.id).where(LIVE, turns.c.process_id == "a")
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {live}"), {"process_id_1": "a"})
        assert "ix_turns_live" in str(plan.all())


def test_a_database_of_the_first_version_keeps_what_is_in_it(empty_url: str, tmp_path: Path) -> None:
    engine = engine_of(empty_url, tmp_path)
    schema.migrate(engine, to="0001")
    assert set(inspect(engine).get_table_names()) == {*FIRST_TABLES, schema.VERSION_TABLE}
    tables = MetaData()
    tables.reflect(engine)
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    if engine.dialect.name == "sqlite":
        moment = moment.replace(tzinfo=None)
    turn = {
        "conversation_id": "c1",
        "persona_id": "tester",
        "persona_name": "Tester",
        "created_at": moment,
        "edited": False,
        **dict.fromkeys(("persona_revision", "rating_note", "reasoning", "provider", "model"), ""),
        **dict.fromkeys(("reason", "summary", "journal"), ""),
    }
    question = {"id": "t1", "depth": 0, "role": "user", "text": "How do trams brake?", **turn}
    answer = {"id": "t2", "depth": 1, "role": "assistant", "text": "With magnets.", **turn}
    with engine.begin() as connection:
        connection.execute(
            insert(tables.tables["conversations"]).values(
                id="c1",
                owner=OWNER,
                title="Straßenbahn in Łódź",
                leaf_id="t2",
                created_at=moment,
                updated_at=moment,
                kept=True,
                **dict.fromkeys(("has_own_title", "pinned", "archived"), False),
            )
        )
        connection.execute(insert(tables.tables["turns"]).values(question))
        connection.execute(
            insert(tables.tables["turns"]).values(answer | {"parent_id": "t1", "state": "finished"})
        )
    engine.dispose()
    with closing(Database(empty_url)) as database:
        store = SqlConversations(database)
        found = store.get(OWNER, "c1")
        assert [turn.text for turn in found.path] == ["How do trams brake?", "With magnets."]
        assert (found.title, found.path[1].reply) == (
            "Straßenbahn in Łódź",
            Reply(state="finished", text="With magnets."),
        )
        library = ConversationLibrary(database, owner=OWNER)
        assert [hit.turn_id for hit in library.search("strassenbahn lodz trams").hits] == ["t1"]
        assert [hit.turn_id for hit in library.search("magnets").hits] == ["t2"]
        spoken(store, "c1", "And ships?", after="t2")
        assert store.get(OWNER, "c1").length == 3
        with database.read() as connection:
            version = connection.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}")).scalar()
        assert version == schema.revisions()[-1]


def test_replies_of_the_version_before_keep_their_counts_and_new_ones_have_more(
    empty_url: str, tmp_path: Path
) -> None:
    engine = engine_of(empty_url, tmp_path)
    schema.migrate(engine, to="0006")
    tables = MetaData()
    tables.reflect(engine)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    if engine.dialect.name == "sqlite":
        moment = moment.replace(tzinfo=None)
    words = (
        "title",
        "persona_revision",
        "rating_note",
        "reasoning",
        "provider",
        "model",
        "reason",
        "summary",
    )
    blank = {**dict.fromkeys(words, ""), "journal": "", "edited": False, "created_at": moment}
    head = {"id": "c1", "owner": OWNER, "leaf_id": "t1", "updated_at": moment, "kept": True}
    flags = dict.fromkeys(("has_own_title", "pinned", "archived"), False)
    turn = {"id": "t1", "conversation_id": "c1", "depth": 0, "role": "assistant", "text": "Hi."}
    spoken_by = {"persona_id": "tester", "persona_name": "Tester", "state": "finished"}
    counts = {"prompt_tokens": 7, "completion_tokens": 2}
    with engine.begin() as connection:
        for name, row in (
            ("conversations", head | flags | blank),
            ("turns", turn | spoken_by | counts | blank),
        ):
            table = tables.tables[name]
            known = {key: value for key, value in row.items() if key in table.c}
            connection.execute(insert(table).values(known))
    engine.dispose()
    with closing(Database(empty_url)) as database:
        store = SqlConversations(database)
        (old,) = store.get(OWNER, "c1").path
        assert old.reply
        assert old.reply.usage == Usage(7, 2)
        usage = Usage(100, 20, 80, 15)
        answer = Turn("t2", "t1", "assistant", "", "tester", "Tester", reply=Reply("finished", usage=usage))
        store.append(OWNER, "c1", [answer], only_after="t1")
        assert store.get(OWNER, "c1").path[-1].reply == answer.reply
        assert KeptResponses(database).keep(OWNER, KeptResponse("r1", [{"content": "Hi"}], []))


def test_test_runs_of_the_version_before_keep_everything_and_have_no_options(
    empty_url: str, tmp_path: Path
) -> None:
    engine = engine_of(empty_url, tmp_path)
    schema.migrate(engine, to="0020")
    tables = MetaData()
    tables.reflect(engine)
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    names = ("persona_revision", "persona_text", "model", "judge", "process_id")
    row: dict[str, Any] = dict.fromkeys(names, "") | {
        "id": "r1",
        "owner": OWNER,
        "place": "here",
        "persona_id": "tester",
        "suite_etag": "replay",
        "suite_text": "persona: tester\ncases: [{name: a, say: Hi, check: [{words: 1}]}]",
        "planned": 1,
        "surface": "page",
        "state": "finished",
        "began_at": moment.replace(tzinfo=None) if engine.dialect.name == "sqlite" else moment,
    }
    cell = {"run_id": "r1", "case_number": 0, "attempt": 0, "outcome": "pass", "reply": "Łódź"}
    record = {"provider": "p", "model": "m", "reason": "", "error": "", "error_code": "", "retried": False}
    record |= {"finish_reason": "", "tokens": 1, "seconds": 0.5, "results": [], "judged": []}
    with engine.begin() as connection:
        connection.execute(insert(tables.tables["test_runs"]).values(row))
        connection.execute(insert(tables.tables["test_cells"]).values(cell | {"record": record}))
    engine.dispose()
    with closing(Database(empty_url)) as database:
        runs = SqlRuns(database, place="here", process_id="p")
        (run,) = runs.of(OWNER, "tester", kind="replay")
        assert (run.began_at, run.options) == (moment, RunOptions())
        assert [(each.reply, each.pair) for each in runs.cells("r1")] == [("Łódź", None)]


def test_labels_of_the_version_before_stay_and_pairs_can_be_labelled(empty_url: str, tmp_path: Path) -> None:
    engine = engine_of(empty_url, tmp_path)
    schema.migrate(engine, to="0025")
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with engine.begin() as connection:
        row = {"owner": OWNER, "question_key": "q", "judge": "j", "reply_key": "r", "label": True}
        saved_at = moment.replace(tzinfo=None) if engine.dialect.name == "sqlite" else moment
        tables = MetaData()
        tables.reflect(connection, only=["test_labels"])
        old = tables.tables["test_labels"]
        connection.execute(insert(old).values(row | {"verdict": False, "saved_at": saved_at}))
    engine.dispose()
    with closing(Database(empty_url)) as database:
        pairs = PairLabelling(
            SqlRuns(database, place="here", process_id="p"), database, owner=OWNER, others=lambda _: {}
        )
        verdict = PairVerdict("Which?", "j", "after", ("after", "after"))
        pairs.answer(PairToLabel("Hi", "Old", "New", verdict), label="tie")
        assert pairs.agreement(question="Which?", judge="j").count == 1
        assert SampledReplies(database, place="here", process_id="p").today("tester") == (0, 0.0)
        with database.read() as connection:
            (kept,) = connection.execute(select(test_labels))
            assert (kept.label, kept.verdict, kept.saved_at) == (True, False, moment)


def test_processes_that_start_at_once_do_not_disturb_each_other(empty_url: str) -> None:
    count = 4
    barrier = PROCESSES.Barrier(count)
    pipes = [PROCESSES.Pipe(duplex=False) for _ in range(count)]
    processes = [start(prepare, empty_url, barrier, writer) for _, writer in pipes]
    assert [reader.recv() for reader, _ in pipes] == [""] * count
    for process in processes:
        process.join()
    with closing(Database(empty_url)) as database:
        store = SqlConversations(database)
        spoken(store, store.create(OWNER).id, "one")


def test_a_migration_that_fails_leaves_the_old_version(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Database(empty_url)) as database, monkeypatch.context() as patched:
        patched.setattr(schema, "_upgrade", _fail_after(schema._upgrade))
        with pytest.raises(RuntimeError, match="the power went"):
            database.prepare()
    engine = engine_of(empty_url, tmp_path)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    with closing(Database(empty_url)) as database:
        database.prepare()


def _fail_after(migrate: Any) -> Any:
    def fail(*arguments: Any) -> None:
        migrate(*arguments)
        raise RuntimeError("the power went")

    return fail


def test_a_newer_database_is_refused_and_left_as_it_is(sqlite_database: Database) -> None:
    sqlite_database.prepare()
    sqlite_database.close()
    assert sqlite_database.path
    with closing(sqlite3.connect(sqlite_database.path)) as connection:
        connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
        connection.commit()
    before = sqlite_database.path.read_bytes()
    with pytest.raises(DatabaseDamaged, match="newer version") as raised:
        sqlite_database.prepare()
    assert str(sqlite_database.path) in raised.value.advice
    assert sqlite_database.path.read_bytes() == before


def test_a_database_of_today_is_opened_without_alembic(sqlite_database: Database) -> None:
    program = (
        "import sys\nfrom personachat.database.connection import Database\n"
        f"database = Database('sqlite:///{sqlite_database.path}')\ndatabase.prepare()\ndatabase.close()\n"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_letters_are_spelled_in_the_index_as_in_a_query() -> None:
    migration = importlib.import_module("personachat.database.migrations.versions.0005_search")
    assert migration.SPELLINGS == SPELLINGS
