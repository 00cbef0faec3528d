"""Every word from elsewhere, on every page, against Streamlit's Markdown: it shows, and does nothing else.

Whatever Streamlit is sent is looked through; only fields that are no Markdown are left out, by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message  # type: ignore[import-untyped]  # it has no types
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

from personachat.owners import LOCAL_OWNER
from personachat.personas.formats import links
from personachat.personas.store.base import BrokenPersona
from personachat.services import get_services
from personachat.stamps import now
from personachat.ui.chat.state import TurnDialog
from personachat.ui.personas.desk import IMPORT_FIELD, OpenQuestion
from personachat.ui.session import PersonaDraft
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.fake_replies import failure
from tests.pages.conftest import OpenPage
from tests.pages.conversing import library
from tests.usage.calls import call, keep

pytestmark = pytest.mark.usefixtures("local")

NAME = "Q www.evil.example a@evil.example :red[r] :-1: $m$ `c` ![i](//evil.example)"
LONG = (
    "http://evil.example/a HTTPS://EVIL.example www.evil.example a.b@evil.example "
    "![i](http://evil.example/i.png) [l](javascript:alert(1)) [l]: //evil.example "
    ":red[r] :material/home: :smile: :-1: $m$ `c` <b>b</b> **s** &lt;"
)
ACTIVE = (
    "http://evil",
    "https://evil",
    "www.evil",
    "a@evil.",
    "b@evil.",
    "![i]",
    "[l]",
    ":red[r]",
    ":material/home:",
    ":smile:",
    ":-1:",
    "$m$",
    "`c`",
    "<b>",
    "**s**",
    " &lt;",
)
ADDRESS_AS_CODE = re.compile(r"(?<!\\)`https?://[^\s`]+`")
"""How errors show addresses: to be copied, and no links."""
PLAIN = {
    ("ChatInput", "placeholder"),
    ("Code", "code_text"),
    ("ComponentInstance", "json_args"),
    ("BidiComponent", "json"),
    ("DownloadButton", "url"),
    ("EChartsChart", "alt"),
    ("EChartsChart", "spec"),
    ("Html", "body"),  # looked at by itself
    ("MultiSelect", "options"),
    ("MultiSelect", "placeholder"),
    ("Selectbox", "options"),
    ("Selectbox", "raw_value"),
    ("Selectbox", "placeholder"),
    ("Text", "body"),
    ("TextArea", "default"),
    ("TextArea", "value"),
    ("TextInput", "default"),
    ("TextInput", "placeholder"),
    ("TextInput", "value"),
}
"""Fields that Streamlit's pages show as they are."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "default-persona.json").write_text(hostile("default-persona"))
    (made / "other.json").write_text(hostile("other"))
    (made / f"{NAME[:20]} `c` $m$.json").write_text('{"id": "x",\n"name": "' + LONG + '",\n"tags": 1}')
    return made


@pytest.fixture
def page(open_home: OpenPage, fake: FakeProvider) -> AppTest:
    fake.models = (LONG, NAME)
    return open_home()


def hostile(persona_id: str, **keys: Any) -> str:
    everything = {
        "name": NAME,
        "description": LONG[:300],
        "tags": [NAME[:60], LONG[:60]],
        "starters": [LONG[:300], NAME],
        "model": NAME,
        "personality": {"tone": LONG[:200], "style": NAME, "formality": NAME},
        "examples": [{"user": LONG, "assistant": "Well."}],
        "systemPrompt": LONG,
        "extensions": {
            NAME: {LONG: LONG},
            "variables": {"__proto__": {"default": LONG, "description": LONG}, NAME: LONG, "a": NAME},
        },
    }
    return persona_text(persona_id, **(everything | keys))


CALL = {
    "persona_id": NAME[:64],
    "provider": NAME,
    "model": LONG[:200],
    "purpose": NAME[:20],
    "error_code": NAME[:60],
}


def conversation() -> str:
    """An import whose every word is hostile but those of the replies, which are Markdown; returns its id."""
    moment = "2026-01-02T03:04:05Z"
    spoken = {
        "personaId": NAME[:64],
        "personaName": NAME,
        "createdAt": moment,
        "ratingNote": LONG,
        "rating": 1,
    }
    reply = {
        "state": "failed",
        "provider": NAME,
        "model": LONG[:200],
        "reason": LONG,
        "notices": [LONG, NAME],
        "error": {"code": NAME[:60], "message": LONG, "hint": LONG, "retryAfterSeconds": 3.0},
    }
    turns = [
        {"id": "a", "role": "user", "content": LONG, **spoken},
        {"id": "b", "parentId": "a", "role": "assistant", "content": "Well.", "reply": reply, **spoken},
        {"id": "c", "parentId": "b", "role": "user", "content": LONG, **spoken, "personaId": "other"},
        {"id": "d", "parentId": "c", "role": "assistant", "content": "Ok.", "reply": reply, **spoken},
    ]
    made = {"title": LONG[:200], "createdAt": moment, "updatedAt": moment, "leafId": "d", "turns": turns}
    whole = {"format": "personachat.conversations", "version": 1, "conversations": [made]}
    (conversation_id,) = library().import_json(json.dumps(whole).encode())
    return conversation_id


def nodes(block: Block) -> Iterator[Message]:
    for node in block.children.values():
        proto = getattr(node, "proto", None)
        if isinstance(proto, Message):
            yield proto
        if isinstance(node, Block):
            yield from nodes(node)
        else:
            assert isinstance(node, Element)


def strings(message: Message) -> Iterator[tuple[str, str, str]]:
    """Every text in a message, with the names of its message and field; but a label that is only heard."""
    for field, value in message.ListFields():
        if field.name == "label" and _is_only_heard(message):
            continue
        for each in value if field.is_repeated else (value,):
            if isinstance(each, str):
                yield message.DESCRIPTOR.name, field.name, each
            elif isinstance(each, Message):
                yield from strings(each)


def _is_only_heard(message: Any) -> bool:
    """Whether a widget's label is its name alone: a collapsed one is taken as it is, and not displayed."""
    visibility = getattr(message, "label_visibility", None)
    return visibility is not None and visibility.value == visibility.COLLAPSED


def acted_upon(page: AppTest) -> list[tuple[str, str, str, str]]:
    """What Streamlit would make something of."""
    return [
        (sign, *found)
        for proto in nodes(page._tree)
        for found in strings(proto)
        if found[:2] not in PLAIN and found[1] != "id"
        for sign in ACTIVE
        if sign in ADDRESS_AS_CODE.sub("", found[2].lower())
    ]


def see(page: AppTest, name: str = "", **query: str) -> None:
    for key, value in query.items():
        page.query_params[key] = value
    if name:
        page.switch_page(f"pages/{name}.py")
    page.run()
    assert not page.exception
    assert acted_upon(page) == []
    assert any("evil" in found[2] for proto in nodes(page._tree) for found in strings(proto))


def test_an_empty_chat_and_its_dialogs(page: AppTest) -> None:
    see(page, "chat")
    for dialog in ("next", "forecast"):
        page.session_state["chat_page"].dialog = TurnDialog(dialog)
        see(page)
    page.session_state["chat_page"].finding_persona = True
    see(page)
    see(page, persona=LONG)


def test_a_conversation_and_its_dialogs(page: AppTest) -> None:
    conversation_id = conversation()
    see(page, "chat", chat=conversation_id)
    path = get_services().of(LOCAL_OWNER).chat.conversation(conversation_id).path
    keep(
        get_services().database, call(get_services().database, now(), conversation_id=conversation_id, **CALL)
    )
    for dialog in ("request", "regenerate", "copy", "costs"):
        page.session_state["chat_page"].dialog = TurnDialog(dialog, path[-1].id)
        see(page)
    page.session_state["chat_page"].editing = path[0].id
    see(page)
    forked = get_services().of(LOCAL_OWNER).branches.fork(path[-1].id)
    see(page, chat=forked.id)
    library().share(conversation_id)
    menu = page.menu_button(key=f"menu_{forked.id}")
    for option in ("Rename", "Share", "Export", "Archive"):
        menu.set_value(option)
        see(page)


def test_a_reply_that_fails_with_a_hostile_message(page: AppTest, fake: FakeProvider) -> None:
    fake.enqueue(failure(400, LONG, error_code=NAME))
    page.chat_input[0].set_value(LONG)
    see(page)
    while not page.error:
        see(page)


def test_the_history_page(page: AppTest) -> None:
    conversation_id = conversation()
    see(page, "history")
    page.text_input(key="q").set_value("evil")
    see(page)
    page.text_input(key="q").set_value(LONG)
    see(page)
    page.text_input(key="q").set_value("")
    see(page)
    page.checkbox(key=f"picked_{conversation_id}").check()
    see(page)
    page.button(key="archive_many").click()
    see(page)


def test_the_insights_page(page: AppTest) -> None:
    conversation_id = conversation()
    path = get_services().of(LOCAL_OWNER).chat.conversation(conversation_id).path
    database = get_services().database
    failed = {"outcome": "failed", "conversation_id": conversation_id, "turn_id": path[-1].id}
    keep(database, call(database, now(), **(CALL | failed)))
    keep(database, call(database, now(), **(CALL | {"persona_id": "one"})))
    see(page, "insights", range="90d")
    see(page, persona=NAME[:64], model=LONG[:200], purpose=NAME[:20])
    for split in ("model", "purpose", "person"):
        page.session_state["insights_split"] = split
        see(page)


def test_a_refused_import_of_conversations(page: AppTest) -> None:
    conversation()
    see(page, "history")
    content = json.dumps({"format": "personachat.conversations", "version": 1, "conversations": [{LONG: 1}]})
    page.file_uploader[0].set_value((f"{NAME} {LONG}.json", content.encode(), "application/json"))
    page.run()
    assert page.error
    assert acted_upon(page) == []


def test_a_shared_conversation(page: AppTest) -> None:
    see(page, "shared", token=library().share(conversation()).token)


def test_a_received_persona(page: AppTest) -> None:
    collection = get_services().of(LOCAL_OWNER, author=LONG).collection
    stored = collection.save(hostile("default-persona", description="Another www.evil.example"))
    link = links.packed(stored.text)
    assert link is not None
    (get_services().settings.personas_dir / "default-persona.json").write_text(hostile("default-persona"))
    page.switch_page("pages/received.py").run()
    see(page, persona=link)


def test_the_personas_page_with_everything_open(page: AppTest) -> None:
    collection = get_services().of(LOCAL_OWNER, author=LONG[:300]).collection
    for description in ("one", LONG[:300]):
        collection.save(hostile("other", description=description), note=LONG[:200])
    see(page, "personas", id="other")
    for tab in ("Prompt", "Preview", "Try out", "History", "Lore", "JSON"):
        page.session_state["persona_tab"] = tab
        see(page)
    desk = page.session_state["persona_desk"]
    for kind in ("create", "delete", "export", "share", "snippet", "note"):
        desk.question = OpenQuestion(kind, "other")
        see(page)
    desk.question = None
    get_services().undos.offer("local", "deleted", name=LONG, what=[("gone", "")])
    see(page)
    get_services().undos.offer("local", "discarded", name=LONG, what=[("gone", "")])
    see(page)
    page.text_input(key="persona_search").set_value(LONG)
    see(page)


def test_a_draft_with_faults_and_a_broken_file(page: AppTest) -> None:
    see(page, "personas")
    for text in (
        hostile("other", tags=[LONG], starters=[""], avatar=LONG),
        hostile("other", **{LONG: 1}),
        '{"id": "other", "name": "' + NAME + '", ' + LONG,
        hostile("other", name=LONG, model=1, examples=LONG, personality={LONG: LONG}),
    ):
        page.session_state["persona_drafts"] = {"other": PersonaDraft(text, "{}", "x")}
        for tab in ("JSON", "Prompt", "Preview"):
            page.session_state["persona_tab"] = tab
            see(page, id="other")
    (broken,) = (each.id for each in get_services().personas.all() if isinstance(each, BrokenPersona))
    see(page, id=broken)
    see(page, id=LONG)


def test_deleted_personas_and_templates(page: AppTest) -> None:
    here = get_services().of(LOCAL_OWNER, author=LONG[:300])
    here.collection.save(hostile("third"))
    here.collection.delete("third")
    get_services().gallery.save(here.collection.save(hostile("other")).persona, author=LONG[:300])
    see(page, "personas")
    page.session_state["persona_desk"].question = OpenQuestion("create")
    see(page)


@pytest.mark.parametrize(
    "content",
    [
        hostile("other", description="mine www.evil.example").encode(),
        json.dumps({"spec": LONG, "data": {"name": NAME, "tags": [LONG]}}).encode(),
        json.dumps({"name": NAME, "first_mes": LONG, "description": LONG, LONG: LONG}).encode(),
        json.dumps(
            {
                "spec": "chara_card_v2",
                "spec_version": LONG,
                "data": {"name": LONG, "description": LONG, "creator_notes": LONG, "tags": [LONG, NAME]},
            }
        ).encode(),
        LONG.encode(),
    ],
)
def test_files_to_import(page: AppTest, content: bytes) -> None:
    see(page, "personas")
    page.session_state["persona_desk"].question = OpenQuestion("import")
    see(page)
    uploader = next(each for each in page.file_uploader if str(each.key).startswith(IMPORT_FIELD))
    uploader.set_value([(f"{LONG}.json", content, "application/json")])
    see(page)
