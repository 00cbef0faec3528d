"""What a browser sends of a page's fields that the page never offered: it is not taken, and breaks nothing.

Streamlit believes what a connection says a widget's value is. Whoever writes their own messages can send an
option that is not there, a number out of every range, and a text without end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from google.protobuf.message import Message  # type: ignore[import-untyped]  # it has no types
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from personachat.accounts.identity import of_header
from personachat.lab.comparisons.model import Setup
from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from personachat.ui import owner as owners
from tests.lab.comparisons.conftest import ended
from tests.lab.conftest import ended as run_ended
from tests.pages.conftest import OpenPage
from tests.pages.conversing import converse

pytestmark = pytest.mark.usefixtures("local")

WORDS = "never offered"
FORGED: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "Selectbox": [{"string_value": each} for each in (WORDS, "", "x" * 100_000)],
    "Radio": [{"string_value": each} for each in (WORDS, "")],
    "MultiSelect": [{"string_array_value": {"data": each}} for each in ([WORDS], [""], [WORDS, "", WORDS])],
    "ButtonGroup": [{"string_array_value": {"data": each}} for each in ([WORDS], ["", ""])],
    "NumberInput": [{"double_value": each} for each in (1e308, -1e308, 0.5)],
    "TextInput": [{"string_value": each} for each in ("x" * 400_000, "\x00\x1b[2J", "\u202e\ufffe")],
    "TextArea": [{"string_value": each} for each in ("x" * 2_000_000, "\x00", "\u202e")],
    "DateInput": [
        {"string_array_value": {"data": each}}
        for each in (["9999/12/31"], ["0001/01/01"], ["0001/01/01", "9999/12/31"])
    ],
    "MenuButton": [{"string_trigger_value": {"data": each}} for each in (WORDS, "", "0")],
}
"""Values of the type that a field has: others Streamlit itself refuses, in the page of whoever sent them."""

ROUNDS = 3

SUITE = "persona: second\ncases:\n  - name: Greets\n    say: Hi\n    check: [ { contains: You } ]\n"


def widgets(block: Block) -> Iterator[Message]:
    for node in block.children.values():
        proto = getattr(node, "proto", None)
        if isinstance(proto, Message) and str(getattr(proto, "id", "")):
            yield proto
        if isinstance(node, Block):
            yield from widgets(node)


def forge(page: AppTest, offered: WidgetStates, place: int) -> list[str]:
    """Send a value that was not offered for every field; gives which fields those were."""
    there = {state.id: state for state in offered.widgets}
    forged = []
    for proto in widgets(page._tree):
        is_thumbs = proto.id.endswith("rating")  # it counts its options
        values = () if is_thumbs else FORGED.get(proto.DESCRIPTOR.name, ())
        if values:
            there[proto.id] = WidgetState(id=proto.id, **values[place % len(values)])
            forged.append(f"{proto.DESCRIPTOR.name} {proto.id}")
    page._run(WidgetStates(widgets=there.values()))
    return forged


def attack(page: AppTest) -> None:
    offered = page._tree.get_widget_states()
    for place in range(ROUNDS):
        forged = forge(page, offered, place)
        assert forged
        assert not page.exception, (place, forged)


def visit(page: AppTest, name: str, **query: str | list[str]) -> AppTest:
    page.switch_page(f"pages/{name}.py")
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


@pytest.mark.parametrize("section", ["Budgets", "Tokens", "People", "Audit log", "Health", "Settings"])
def test_the_admin_page(open_home: OpenPage, section: str) -> None:
    page = visit(open_home(), "admin")
    converse("One")
    page.button_group(key="admin_section").set_value(section).run()
    attack(page)


def test_the_history_page(open_home: OpenPage) -> None:
    page = open_home()
    for title in ("One", "Two"):
        converse(title)
    attack(visit(page, "history"))


def test_insights(open_home: OpenPage) -> None:
    page = open_home()
    converse("One")
    attack(visit(page, "insights"))


def test_compare(open_home: OpenPage) -> None:
    attack(visit(open_home(), "compare", variant=["second", "default-persona"], message="Hi"))
    comparisons = get_services().of(LOCAL_OWNER).comparisons
    pair = (Setup(persona_id="second"), Setup(persona_id="default-persona"))
    begun = comparisons.begin(pair, "Hi", blind=False)
    ended(comparisons, begun)
    attack(visit(open_home(), "compare", id=begun))


def test_the_tests_page(open_home: OpenPage) -> None:
    page = open_home()
    tests = get_services().of(LOCAL_OWNER).tests
    tests.suites.save("second", SUITE)
    visit(page, "tests", suite="second")
    attack(page)
    page = visit(open_home(), "tests", suite="second")
    page.button(key="run_tests").click().run()
    (run, *_) = tests.runs.of("second")
    live = tests.runs.live(run.id)
    if live:
        run_ended(live)
    attack(visit(page, "tests", suite="second"))


def test_the_chat_and_the_personas(open_home: OpenPage) -> None:
    page = open_home()
    attack(visit(page, "chat", chat=converse("One")))
    attack(visit(page, "personas", id="second"))


def test_the_account_page(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = of_header("ada@example.com")
    monkeypatch.setenv("PERSONACHAT_REQUIRE_LOGIN", "yes")
    monkeypatch.setenv("PERSONACHAT_EDITORS", "ada@example.com")
    monkeypatch.setattr(owners, "current_identity", lambda: ada)
    page = visit(open_home(), "account")
    page.text_input(key="token_name").set_value("Nightly")
    page.run()
    attack(page)
    offered = page._tree.get_widget_states()
    (create,) = [button for button in page.button if button.label == "Create token"]
    for place in range(ROUNDS):
        pressed = WidgetStates(
            widgets=[
                *(state for state in offered.widgets if state.id != create.id),
                WidgetState(id=create.id, trigger_value=True),
            ]
        )
        forge(page, pressed, place)
        assert not page.exception, place
    assert all(token.role in {"reader", "editor"} for token in get_services().tokens.all())
