from __future__ import annotations

import json
from typing import Any

import streamlit as st
from streamlit.testing.v1 import AppTest

import personachat.ui.editor  # noqa: F401  # loaded before the first script run, as a server's warm-up does


def script() -> None:
    import streamlit as st
    from streamlit.runtime import get_instance

    from personachat.errors import Problem
    from personachat.ui.editor import Mount, draw

    mount = Mount("one", 1, "first text", "first text", "etag")
    draw(mount, problems=[Problem("wrong", line=3, column=2)], line=3)
    registry: Any = get_instance().component_registry
    st.session_state.setdefault("served", [])
    st.session_state["served"] += [call.args[0].name for call in registry.register_component.call_args_list]


def arguments(at: AppTest) -> dict[str, Any]:
    [component] = at.get("component_instance")
    found: dict[str, Any] = json.loads(component.proto.json_args)
    return found


def test_the_editor_is_served_though_its_module_was_loaded_before_the_first_visitor() -> None:
    st.cache_resource.clear()
    at = AppTest.from_function(script).run(timeout=30)

    assert not at.exception
    assert at.session_state["served"] == ["personachat.ui.editor.ace"]


def test_problems_are_annotations_on_rows_that_count_from_zero() -> None:
    at = AppTest.from_function(script).run(timeout=30)

    assert arguments(at)["annotations"] == [{"row": 2, "column": 1, "type": "error", "text": "wrong"}]
    assert [marker["startRow"] for marker in arguments(at)["markers"]] == [2]


def test_an_iframe_made_anew_comes_back_with_the_text_that_was_typed() -> None:
    at = AppTest.from_function(script).run(timeout=30)
    at.session_state["ace-one-1"] = "typed since"
    at.run()

    assert arguments(at)["defaultValue"] == "typed since"


def test_the_editor_follows_the_theme() -> None:
    at = AppTest.from_function(script)
    themes = []
    for theme in ("light", "dark"):
        at.context = {"theme": theme}
        themes.append(arguments(at.run(timeout=30))["theme"])

    assert themes == ["chrome", "tomorrow_night"]
