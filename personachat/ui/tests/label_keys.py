"""The buttons for labelling replies and pairs, each with its keyboard shortcut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, Protocol, TypeVar

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.ui import notices
from personachat.ui.tests.state import tests_state


class _Item(Protocol):
    @property
    def key(self) -> str: ...


Item = TypeVar("Item", bound=_Item)
Label = TypeVar("Label")
_Item_contra = TypeVar("_Item_contra", contravariant=True)
_Label_contra = TypeVar("_Label_contra", contravariant=True)


class Labels(Protocol[_Item_contra, _Label_contra]):
    """Where labels are stored. Methods raise what a database raises."""

    def answer(self, item: _Item_contra, *, label: _Label_contra) -> None: ...
    def take_back(self, item: _Item_contra) -> None: ...


class LabelKeys(Generic[Item, Label]):
    """`done` is what was labelled in this session, latest last. `prefix` begins the buttons' keys."""

    def __init__(self, labels: Labels[Item, Label], done: list[Item], *, prefix: str = "") -> None:
        self._labels = labels
        self._done = done
        self._prefix = prefix

    def draw(self, item: Item | None, answers: dict[str, tuple[str, Label]]) -> None:
        """`answers`: the shortcut and the label of each button. A late keystroke labels no other item."""
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if item:
                for name, (key, label) in answers.items():
                    self._draw_button(name, key, item.key, self._label, item, label)
                self._draw_button("Skip", "S", item.key, _skip, item.key)
            if self._done:
                self._draw_button("Undo", "U", self._done[-1].key, self._undo)

    def _draw_button(self, name: str, key: str, of: str, do: Callable[..., None], *args: object) -> None:
        kind: Literal["secondary", "tertiary"] = "tertiary" if name in {"Skip", "Undo"} else "secondary"
        word = key if self._prefix else name
        st.button(
            name, key=f"{self._prefix}{word.lower()}_{of}", shortcut=key, type=kind, on_click=do, args=args
        )

    def _label(self, item: Item, label: Label) -> None:
        try:
            self._labels.answer(item, label=label)
        except PersonaChatError as error:
            notices.say_not_done(error, title="The answer wasn't saved")
            return
        self._done.append(item)

    def _undo(self) -> None:
        if not self._done:
            return
        try:
            self._labels.take_back(self._done[-1])
        except PersonaChatError as error:
            notices.say_not_done(error, title="Nothing was undone")
            return
        self._done.pop()


def _skip(key: str) -> None:
    tests_state().skipped.add(key)
