from __future__ import annotations

import ast
import gc
import subprocess
import sys

import pytest
from streamlit.emojis import ALL_EMOJIS
from streamlit.material_icon_names import ALL_MATERIAL_ICONS

from personachat import avatars
from personachat.avatars import avatar_fault


def test_every_emoji_and_icon_that_streamlit_knows_is_an_avatar() -> None:
    assert [emoji for emoji in ALL_EMOJIS if avatar_fault(emoji)] == []
    assert [icon for icon in ALL_MATERIAL_ICONS if avatar_fault(f":material/{icon}:")] == []


@pytest.mark.parametrize(
    "avatar",
    ["a", "user", "🧭🧭", "é", "/a.png", "//a", ":material/:", ":material/no_such_icon:", " 🧭", "spinner"],
)
def test_what_streamlit_would_take_for_a_picture_or_refuse_is_none(avatar: str) -> None:
    assert avatar_fault(avatar)


def test_without_the_lists_the_shape_alone_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatars, "_streamlit_names", lambda *_: frozenset())
    assert not avatar_fault("🧭")
    assert not avatar_fault(":material/anything:")
    assert avatar_fault("/etc/passwd")
    assert avatar_fault(":material/../x:")


def test_checking_an_avatar_does_not_import_streamlit() -> None:
    code = (
        "import sys; from personachat import avatars; "
        "avatars.avatar_fault('🧭'); print('streamlit' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_lists_are_read_whatever_else_parses_python_meanwhile() -> None:
    """CPython 3.11 keeps one depth for all who make trees of Python (gh-106905)."""

    def parse(*_: object) -> None:
        ast.parse("1")

    gc.callbacks.append(parse)
    threshold = gc.get_threshold()
    avatars._streamlit_names.cache_clear()
    gc.set_threshold(10)
    try:
        assert not avatar_fault("🧭")
        assert not avatar_fault(":material/school:")
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(parse)
