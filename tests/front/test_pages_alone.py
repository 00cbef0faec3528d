"""`streamlit run Home.py`, as Community Cloud runs it: what the terminal hears, and how replies end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from personachat.conversations.model import Reply
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from personachat.history.library import ConversationLibrary
from personachat.owners import LOCAL_OWNER
from personachat.settings import APP, load_settings
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.front.visiting import SECONDS, Server, standing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

PAGES_ALONE = f"""
import sys
from streamlit.web.cli import main
sys.argv = ["streamlit", "run", {str(APP / "Home.py")!r}, "--server.port", "{{port}}", "--server.address",
            {{host!r}}, "--server.headless", "true", "--server.fileWatcherType", "none",
            "--browser.gatherUsageStats", "false"]
main()
"""


OUT_OF_REACH = "postgresql://somebody:password-to-hide@127.0.0.1:1/none"


@dataclass(frozen=True)
class Visitor:
    """A page in a browser, as far as a server can tell."""

    connection: ClientConnection

    def opens(self) -> str:
        """Have the chat drawn; returns the id of its message box."""
        visit = BackMsg()
        visit.rerun_script.page_name = ""
        self.connection.send(visit.SerializeToString())
        found = ""
        for message in self._messages():
            if message.delta.new_element.WhichOneof("type") == "chat_input":
                found = message.delta.new_element.chat_input.id
        assert found
        return found

    def sends(self, box: str, words: str) -> None:
        sending = BackMsg()
        sending.rerun_script.page_name = ""
        widget = sending.rerun_script.widget_states.widgets.add()
        widget.id = box
        widget.chat_input_value.data = words
        self.connection.send(sending.SerializeToString())

    def sees(self, words: str) -> None:
        """Wait until the page shows them."""
        while words.encode() not in self._received():
            pass

    def _messages(self) -> Iterator[ForwardMsg]:
        """What the script draws, up to its end."""
        while True:
            message = ForwardMsg.FromString(self._received())
            yield message
            if message.WhichOneof("type") == "script_finished":
                return

    def _received(self) -> bytes:
        data = self.connection.recv(timeout=SECONDS)
        assert isinstance(data, bytes)
        return data


@contextmanager
def visiting(server: Server) -> Iterator[Visitor]:
    with connect(
        f"ws://127.0.0.1:{server.port}/_stcore/stream",
        origin=Origin(server.url),
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
    ) as connection:
        yield Visitor(connection)


def until_said(server: Server, words: str) -> None:
    """Wait until the terminal has them; fails with the end of the process."""
    while words not in server.log.read_text():
        assert server.process.poll() is None, server.log.read_text()
        threading.Event().wait(0.05)


def test_the_terminal_hears_once_what_is_missing_and_who_can_do_what(
    fake: FakeProvider, tmp_path: Path
) -> None:
    settings = {"PERSONACHAT_DEFALT_MODEL": "no-such-setting", "PERSONACHAT_DATABASE_URL": OUT_OF_REACH}
    with standing(tmp_path, fake, code=PAGES_ALONE, **settings) as server, visiting(server) as visitor:
        visitor.opens()
        until_said(server, "PersonaChat: Anyone who can open the app")
        with visiting(server) as another:
            another.opens()
        said = server.log.read_text()
    assert said.count("Did you mean PERSONACHAT_DEFAULT_MODEL?") == 1
    assert said.count("The database can't be used, so chats can't be saved.") == 1
    assert said.count("and change and delete the shared personas (PERSONACHAT_PUBLIC_EDITING=no forbids") == 1
    assert "password-to-hide" not in said
    assert "no-such-setting" not in said


def stored(folder: Path) -> list[Reply]:
    """The local owner's replies but the one that every test begins with, the newest conversation first."""
    database = Database.of(load_settings(data_dir=folder / "data"))
    with closing(database):
        found = ConversationLibrary(database, owner=LOCAL_OWNER).list().conversations[:-1]
        turns = [turn for each in found for turn in SqlConversations(database).get(LOCAL_OWNER, each.id).path]
    return [turn.reply for turn in turns if turn.reply]


def test_a_reply_is_finished_before_the_server_ends(fake: FakeProvider, tmp_path: Path) -> None:
    with standing(tmp_path, fake, code=PAGES_ALONE) as server, visiting(server) as visitor:
        box = visitor.opens()
        fake.enqueue(tokens(["one ", gate := Gate(), "two"]))
        visitor.sends(box, "Hello")
        gate.wait_reached()
        with visiting(server) as late:
            their_box = late.opens()
            server.process.send_signal(signal.SIGTERM)
            until_said(server, "Finishing 1 reply")
            late.sends(their_box, "Me too")
            late.sees("shutting down")
        gate.open()
        visitor.sees("one two")
        assert server.process.wait(SECONDS) == 0
        assert "Traceback" not in server.log.read_text()
    (kept,) = stored(tmp_path)
    assert (kept.state, kept.text) == ("finished", "one two")


@pytest.mark.parametrize(("seconds", "signals"), [("3600", 2), ("0", 1)])
def test_a_second_signal_or_no_time_for_it_interrupts_the_reply_at_once(
    seconds: str, signals: int, fake: FakeProvider, tmp_path: Path
) -> None:
    with (
        standing(tmp_path, fake, code=PAGES_ALONE, PERSONACHAT_SHUTDOWN_SECONDS=seconds) as server,
        visiting(server) as visitor,
    ):
        box = visitor.opens()
        fake.enqueue(tokens(["one ", gate := Gate(), "two"]))
        visitor.sends(box, "Hello")
        gate.wait_reached()
        visitor.sees("one ")
        server.process.send_signal(signal.SIGINT)
        if signals > 1:
            until_said(server, "Finishing 1 reply")
        while server.process.poll() is None:  # a signal so soon after another is its echo
            server.process.send_signal(signal.SIGINT)
            threading.Event().wait(0.05)
        assert "Traceback" not in server.log.read_text()
    (kept,) = stored(tmp_path)
    assert (kept.state, kept.text) == ("interrupted", "one ")
