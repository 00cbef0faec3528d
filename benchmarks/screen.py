"""What a browser would show of a Streamlit app: its messages, applied to a tree of texts.

The tree is kept flat, by delta path. As in the browser, what an earlier run left stands until the run
that did not draw it again has ended, and messages that are known are only referred to by their hash.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.measures import common_length
from benchmarks.speech import letters

Path: TypeAlias = tuple[int, ...]

BODIES = ("markdown", "text", "heading", "html")
"""Kinds of elements with a `body` that is text."""


def ended(message: Any) -> bool:
    """Whether a whole run of the script came to its end; one that makes room for the next did not."""
    over: bool = message.WhichOneof("type") == "script_finished"
    return over and message.script_finished in {
        ForwardMsg.FINISHED_SUCCESSFULLY,
        ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
    }


class Screen:
    """`apply` returns whether any text changed."""

    def __init__(self) -> None:
        self.chat_input = ""
        """The id of the box to type into; "" where there is none."""
        self.page_hash = ""
        self.query = ""
        self.choices: dict[str, str] = {}
        """What is chosen in the fields to choose from, by their ids: a browser says it with every run."""
        self._known: dict[str, tuple[int, Any]] = {}
        self._kept_runs = 2
        self._run = 0
        self._texts: dict[Path, tuple[int, bytes]] = {}
        self._in_order: list[Path] | None = None

    @property
    def known_hashes(self) -> list[str]:
        """What the server need not send again."""
        return list(self._known)

    def apply(self, message: Any) -> bool:
        kind, path = message.WhichOneof("type"), tuple(message.metadata.delta_path)
        if kind == "ref_hash":
            hash_ = message.ref_hash
            message = self._known[hash_][1]
            self._known[hash_] = (self._run, message)
            kind = message.WhichOneof("type")
        elif message.metadata.cacheable and message.hash:
            self._known[message.hash] = (self._run, message)
        if kind == "delta":
            return self._draw(path, message.delta)
        if kind == "new_session":
            self._run += 1
            self.page_hash = message.new_session.page_script_hash
            self._kept_runs = message.new_session.config.max_cached_message_age
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif ended(message):
            self._forget()
            return True
        return False

    def visible(self, reply: bytes, marker: bytes) -> int:
        """How many letters of a reply stand on the screen."""
        if self._in_order is None:
            self._in_order = sorted(self._texts)
        shown = b"".join(self._texts[path][1] for path in self._in_order)
        at = shown.find(marker)
        return common_length(shown[at : at + len(reply)], reply) if at >= 0 else 0

    def _draw(self, path: Path, delta: Any) -> bool:
        if delta.WhichOneof("type") != "new_element":
            return self._texts.get(path) is not None and self._remove(path)
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "chat_input":
            self.chat_input = element.chat_input.id
        elif kind == "selectbox" and element.selectbox.options:
            box = element.selectbox
            self.choices[box.id] = box.raw_value if box.set_value else box.options[box.default]
        if kind not in BODIES and kind != "code":
            return path in self._texts and self._remove(path)
        body = element.code.code_text if kind == "code" else getattr(element, kind).body
        if path not in self._texts:
            self._clear_below(path)
            self._in_order = None
        self._texts[path] = (self._run, letters(body))
        return True

    def _remove(self, path: Path) -> bool:
        del self._texts[path]
        self._in_order = None
        return True

    def _clear_below(self, path: Path) -> None:
        for inside in [other for other in self._texts if other[: len(path)] == path]:
            del self._texts[inside]

    def _forget(self) -> None:
        """The end of a run: what it did not draw again goes, and so do messages long unused."""
        self._texts = {path: text for path, text in self._texts.items() if text[0] == self._run}
        self._in_order = None
        self._known = {
            hash_: (run, message)
            for hash_, (run, message) in self._known.items()
            if self._run - run <= self._kept_runs
        }
