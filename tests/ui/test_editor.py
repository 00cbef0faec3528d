from __future__ import annotations

import json
from typing import Any

import streamlit as st
from streamlit.testing.v1 import AppTest

import personachat.ui.personas.editor  # noqa: F401  # loaded before the first script run, as a server's warm-up does


def script() -> None:
    import streamlit as st
    from streamlit.runtime import get_instance

    from personachat.errors import Problem
    from personachat.ui.personas.editor import Mount, draw

    mount = Mount("one", 1, "first text", "first text", "etag")
    draw(mount, problems=[Problem("wrong", line=3, column=2)], line=3)
    registry: Any = get_instance().component_registry
    st.session_state.setdefault("served", [])
    st.session_state["served"] += [call.args[0].name for call in registry.register_component.call_args_list]


def hidden_script() -> None:
    import streamlit as st

    from personachat.authoring.linting import Finding
    from personachat.errors import Problem
    from personachat.ui.personas.editor import Mount, draw, draw_hidden

    finding = Finding("code", "info", "worth a look", line=2, column=1)

    mount = st.session_state.setdefault("mount", Mount("one", 1, "first text", "first text", "etag"))
    if st.session_state.get("hidden"):
        draw_hidden(mount, is_stale=st.session_state.get("stale", False))
    else:
        draw(mount, problems=[Problem("wrong", line=3, column=2)], findings=[finding], line=None)


def arguments(at: AppTest) -> dict[str, Any]:
    [component] = at.get("component_instance")
    found: dict[str, Any] = json.loads(component.proto.json_args)
    return found


def test_the_editor_is_served_though_its_module_was_loaded_before_the_first_visitor() -> None:
    st.cache_resource.clear()
    at = AppTest.from_function(script).run(timeout=30)

    assert not at.exception
    assert at.session_state["served"] == ["personachat.ui.personas.editor.ace"]


def test_problems_are_annotations_on_rows_that_count_from_zero() -> None:
    at = AppTest.from_function(script).run(timeout=30)

    assert arguments(at)["annotations"] == [{"row": 2, "column": 1, "type": "error", "text": "wrong"}]
    assert [marker["startRow"] for marker in arguments(at)["markers"]] == [2]


def test_an_iframe_made_anew_comes_back_with_the_text_that_was_typed() -> None:
    at = AppTest.from_function(script).run(timeout=30)
    at.session_state["ace-one-1.etag"] = "typed since"
    at.run()

    assert arguments(at)["defaultValue"] == "typed since"


def test_the_editor_follows_the_theme() -> None:
    at = AppTest.from_function(script)
    themes = []
    for theme in ("light", "dark"):
        at.context = {"theme": theme}
        themes.append(arguments(at.run(timeout=30))["theme"])

    assert themes == ["chrome", "tomorrow_night"]


def test_findings_are_annotations_of_their_own_kind_beside_the_problems() -> None:
    at = AppTest.from_function(hidden_script).run(timeout=30)

    kinds = [(mark["type"], mark["row"]) for mark in arguments(at)["annotations"]]
    assert kinds == [("error", 2), ("info", 1)]


def test_behind_another_tab_it_stays_as_it_was_and_takes_no_keys_once_it_is_stale() -> None:
    at = AppTest.from_function(hidden_script).run(timeout=30)
    before = arguments(at)
    at.session_state["hidden"] = True
    assert arguments(at.run()) == before

    at.session_state["stale"] = True
    assert arguments(at.run()) == before | {"readOnly": True}
