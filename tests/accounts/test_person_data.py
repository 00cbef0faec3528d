"""What is kept of a person is handed out and erased whole: database, search, files. Others keep theirs."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import Connection, select, update

from personachat.accounts.budget import Budget
from personachat.accounts.housekeeping import Chore, Housekeeping
from personachat.accounts.rights import NOBODY, PersonaAccess
from personachat.conversations.tables import conversations, prompts, turns
from personachat.database.columns import metadata
from personachat.errors import ConversationNotFound, PersonUnknown
from personachat.history import erasing
from personachat.history.erasing import expire
from personachat.history.person_data import HASHED, tables_of_people
from personachat.lab.comparisons.model import Setup
from personachat.personas.store.drafts import DraftText
from personachat.services import Services
from personachat.stamps import now
from personachat.usage.tables import usage_people
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.migrated import migrated_postgres
from tests.usage.conftest import ledger_of, over

ADA, BO = "user:ada", "user:bo"
WORD = "zanzibarquux"
"""Which Ada alone says."""


@pytest.fixture(params=["sqlite", "postgres"])
def services(request: pytest.FixtureRequest, make_services: Callable[..., Services]) -> Iterator[Services]:
    if request.param == "sqlite":
        yield make_services()
        return
    with migrated_postgres() as url:
        made = make_services(database_url=url.replace("postgresql+psycopg://", "postgresql://"))
        yield made
        made.close()


def live(services: Services) -> str:
    """Ada leaves something wherever a person can; Bo has a conversation. Returns Ada's."""
    variables = {"variables": {"who": "somebody"}}
    services.personas.save(persona_text("named", systemPrompt="You talk to {{who}}.", extensions=variables))
    ada = services.of(ADA)
    reply = over(ada.chat.begin(f"I am {WORD}", persona_id="named", variables={"who": WORD}))
    over(ada.chat.begin("A reply that says it", persona_id="tester"))
    ada.library.share(reply.conversation_id)
    ada.collection.set_favourite("tester", favourite=True)
    ada.collection.share("tester")
    services.drafts.put(ADA, "tester", DraftText(WORD, "", None), version=0, writer="w")
    ada.comparisons.begin([Setup(persona_id="tester"), Setup(persona_id="named")], f"I compare {WORD}")
    for _, each in ada.comparisons.live(ada.comparisons.newest()[0].id):
        over(each)
    services.accesses.put("hers", PersonaAccess(ADA, "private"))
    over(services.of(BO).chat.begin("Bo was here", persona_id="tester"))
    services.checkpoints.settle()
    services.ledger.settle()
    return reply.conversation_id


def everything(services: Services) -> str:
    """All rows of all tables but the ledger's and the audit."""
    found = []
    with services.database.read() as connection:
        for table in metadata.sorted_tables:
            if table.name not in HASHED and table.name != "audit_events":
                found += [str(row) for row in connection.execute(select(table))]
    return "\n".join(found)


def test_a_person_is_gone_from_every_table_from_search_and_from_the_files(services: Services) -> None:
    conversation_id = live(services)
    administrator = services.administrator("local")
    token = administrator.create_token(
        name="Report", owner=ADA, budget=Budget(scope="token", period="day", unit="usd", most=1)
    )
    administrator.add_budget(Budget(scope="person", name=ADA, period="day", unit="usd", most=1))
    folder = services.settings.data_dir / "drafts" / sha256(ADA.encode()).hexdigest()[:32]
    folder.mkdir(parents=True)
    (folder / "old.json").write_text(WORD, "utf-8")
    assert WORD in everything(services)

    assert administrator.erase_person(ADA) == 2

    left = everything(services)
    assert WORD not in left
    assert ADA not in left
    assert not folder.exists()
    assert services.of(ADA).library.search(WORD).hits == ()
    assert services.tokens.find(token.secret) is None
    with pytest.raises(ConversationNotFound):
        services.of(ADA).chat.conversation(conversation_id)
    assert services.of(BO).library.count() == 1
    assert services.accesses.of("hers") == PersonaAccess(NOBODY, "private")
    assert services.of(BO).library.search("Bo").hits
    assert {row["owner"] for row in ledger_of(services)} == {
        services.people.hash_of(ADA),
        services.people.hash_of(BO),
    }
    with services.database.read() as connection:  # and the ledger does not say any more who that was
        named = set(connection.scalars(select(usage_people.c.owner)))
    assert named == {services.people.hash_of(BO)}
    (event,) = [each for each in services.audit.page() if each.kind == "person"]
    assert (event.action, event.target, event.before) == ("deleted", ADA, {"conversations": 2})
    assert WORD not in str(services.audit.page())


def test_no_word_of_them_is_left_in_the_bytes_of_the_database(make_services: Callable[..., Services]) -> None:
    services = make_services()
    live(services)
    path = services.database.path
    assert path

    def files() -> list[str]:
        beside = [path, *path.parent.glob(f"{path.name}-*")]
        return [each.name for each in beside if WORD.encode() in each.read_bytes()]

    assert files()
    services.administrator("local").erase_person(ADA)
    assert files() == []
    services.close()
    assert files() == []


def test_the_export_has_everything_and_no_secret(services: Services) -> None:
    live(services)
    token = services.administrator("local").create_token(name="Report", owner=ADA)
    link = services.of(ADA).library.share(services.of(ADA).library.list().conversations[0].id).token
    exported = services.administrator("local").export_person(ADA)
    archive = zipfile.ZipFile(io.BytesIO(exported.content))
    whole = archive.read("conversations.json").decode()
    rows = json.loads(archive.read("data.json"))
    assert WORD in whole
    assert "Bo was here" not in whole + str(rows)
    assert {row["owner"] for found in rows.values() for row in found} == {ADA}
    assert rows["persona_drafts"]
    assert rows["api_tokens"][0]["name"] == "Report"
    for secret in (token.secret, sha256(token.secret.encode()).hexdigest(), link):
        assert secret not in str(rows)
    assert len(services.of("user:new").library.import_json(whole.encode())) == 2


def test_replies_that_are_being_written_and_chats_in_memory_go_too(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services()
    gate = Gate()
    fake.enqueue(tokens(["One", gate, "two"]))
    ada = services.of(ADA)
    running = ada.chat.begin(f"I am {WORD}", persona_id="tester")
    fake.wait_for_chats(1)
    secret = over(ada.chat.begin("Just between us", persona_id="tester", temporary=True))
    services.administrator("local").erase_person(ADA)
    gate.open()
    over(running)
    services.checkpoints.settle()
    assert WORD not in everything(services)
    assert services.runner.find(running.id) is None
    with pytest.raises(ConversationNotFound):
        ada.chat.conversation(secret.conversation_id)


@pytest.mark.parametrize("owner", ["", "user:nobody", "user:\x00", "%"])
def test_of_whom_nothing_is_kept_nothing_is_erased(
    owner: str, make_services: Callable[..., Services]
) -> None:
    services = make_services()
    live(services)
    for action in (
        services.administrator("local").erase_person,
        services.administrator("local").export_person,
    ):
        with pytest.raises(PersonUnknown):
            action(owner)
    assert services.of(ADA).library.count() == 2


def test_every_table_with_an_owner_is_a_persons_or_the_ledgers() -> None:
    owned = {table.name for table in metadata.sorted_tables if "owner" in table.c} | {"people"}
    assert owned == {table.name for table in tables_of_people()} | HASHED


def age(services: Services, conversation_id: str, *, days: float) -> None:
    with services.database.write() as connection:
        mine = update(conversations).where(conversations.c.id == conversation_id)
        connection.execute(mine.values(updated_at=now() - timedelta(days=days)))


def test_conversations_end_after_so_many_days_with_all_that_belongs_to_them(services: Services) -> None:
    old = live(services)
    services.of(ADA).library.pin(old, True)
    age(services, old, days=31)
    assert expire(services.database, days=30) == 1
    with services.database.read() as connection:
        assert connection.execute(select(turns.c.id).where(turns.c.conversation_id == old)).all() == []
        assert WORD not in str(connection.execute(select(prompts)).all())
    assert services.of(ADA).library.search(WORD).hits == ()
    assert services.of(ADA).library.count() == 1
    assert services.of(BO).library.count() == 1
    assert expire(services.database, days=30) == 0


def test_a_prompt_that_another_conversation_was_given_too_stays(services: Services) -> None:
    first = over(services.of(ADA).chat.begin("Hi", persona_id="tester"))
    second = over(services.of(BO).chat.begin("Hi", persona_id="tester"))
    services.checkpoints.settle()
    age(services, first.conversation_id, days=2)
    assert expire(services.database, days=1) == 1
    assert services.of(BO).inspection.sent_request(second.id)
    with services.database.read() as connection:
        assert len(connection.execute(select(prompts)).all()) == 1


def test_a_reply_that_is_being_written_keeps_its_conversation(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services()
    gate = Gate()
    fake.enqueue(tokens(["One", gate, "two"]))
    reply = services.of(ADA).chat.begin("Hi", persona_id="tester")
    fake.wait_for_chats(1)
    age(services, reply.conversation_id, days=9)
    assert expire(services.database, days=1) == 0
    gate.open()
    over(reply)
    services.checkpoints.settle()
    age(services, reply.conversation_id, days=9)
    assert expire(services.database, days=1) == 1


def test_whoever_goes_on_with_an_old_conversation_while_others_are_erased_keeps_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (over(services.of(ADA).chat.begin("Hi", persona_id="tester")) for _ in range(2))
    services.checkpoints.settle()
    for each in (first, second):
        age(services, each.conversation_id, days=9)
    monkeypatch.setattr(erasing, "_AT_ONCE", 1)
    write = services.database.write
    begun: list[bool] = []

    def somebody_writes_before() -> AbstractContextManager[Connection]:
        if not begun:
            begun.append(True)
            over(services.of(ADA).chat.send(second.conversation_id, "Go on", persona_id="tester"))
            services.checkpoints.settle()
        return write()

    monkeypatch.setattr(services.database, "write", somebody_writes_before)
    assert expire(services.database, days=1) == 1
    kept = services.of(ADA).chat.conversation(second.conversation_id)
    assert [turn.text for turn in kept.path][2] == "Go on"
    with pytest.raises(ConversationNotFound):
        services.of(ADA).chat.conversation(first.conversation_id)


def test_the_setting_has_it_done_again_and_again(make_services: Callable[..., Services]) -> None:
    services = make_services(conversation_retention_days=30)
    chores = [chore for chore in services.housekeeping._chores if "expire" in str(chore.do)]
    reply = over(services.of(ADA).chat.begin("Hi", persona_id="tester"))
    services.checkpoints.settle()
    age(services, reply.conversation_id, days=31)
    assert len(chores) == 2  # conversations, and comparisons
    for chore in chores:
        chore.do()
    assert services.of(ADA).library.count() == 0
    assert not [each for each in make_services().housekeeping._chores if "expire" in str(each.do)]


def test_a_chore_that_fails_keeps_no_other_from_being_done() -> None:
    done: list[int] = []
    from threading import Event

    twice = Event()

    def fail() -> None:
        raise ZeroDivisionError

    def note() -> None:
        done.append(1)
        if len(done) == 2:
            twice.set()

    keeping = Housekeeping([Chore(fail, 0.01), Chore(note, 0.01)])
    keeping.start()
    assert twice.wait(30)
    keeping.close()
