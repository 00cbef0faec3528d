"""The list of personas for its tests: which are shown, and choosing several."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.conftest import persona_text


def put(folder: Path, persona_id: str, **keys: object) -> None:
    (folder / f"{persona_id}.json").write_text(persona_text(persona_id, **keys))


def listed(at: AppTest) -> list[str]:
    """Ids in the list, from the top."""
    return [
        str(each.key).removeprefix("persona-") for each in at.button if str(each.key).startswith("persona-")
    ]


def said(at: AppTest) -> str:
    return "\n".join(str(each.value) for each in [*at.markdown, *at.caption])


def search(at: AppTest, words: str) -> AppTest:
    at.text_input(key="persona_search").set_value(words).run()
    assert not at.exception
    return at
