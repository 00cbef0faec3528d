"""Two people's changes of one persona, merged field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from personachat.personas.merge import Merge, merge_personas

BASE: dict[str, Any] = {
    "id": "tutor",
    "name": "Tutor",
    "systemPrompt": "Ask questions.",
    "temperature": 0.7,
    "personality": {"tone": "warm", "style": "short"},
    "tags": ["school", "maths"],
}


def merged(mine: dict[str, Any], theirs: dict[str, Any], base: dict[str, Any] | None = None) -> Merge:
    found = merge_personas(*(json.dumps(each, indent=2) for each in (base or BASE, mine, theirs)))
    assert found
    return found


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in BASE.items() if name != key}


@pytest.mark.parametrize(
    ("mine", "theirs", "both"),
    [
        (BASE | {"temperature": 0.2}, BASE | {"name": "T"}, BASE | {"temperature": 0.2, "name": "T"}),
        (without("tags"), BASE | {"name": "T"}, without("tags") | {"name": "T"}),
        (BASE | {"name": "T"}, without("tags"), without("tags") | {"name": "T"}),
        (BASE | {"topP": 0.5}, BASE | {"greeting": "Hi"}, BASE | {"topP": 0.5, "greeting": "Hi"}),
        (BASE | {"name": "T"}, BASE | {"name": "T"}, BASE | {"name": "T"}),
        (BASE | {"temperature": 1}, BASE | {"temperature": 1.0}, BASE | {"temperature": 1}),
        (BASE, BASE | {"tags": []}, BASE | {"tags": []}),
        (
            BASE | {"personality": {"tone": "dry", "style": "short"}},
            BASE | {"personality": {"tone": "warm", "style": "long"}},
            BASE | {"personality": {"tone": "dry", "style": "long"}},
        ),
        (
            BASE | {"extensions": {"a": {"x": 1}}},
            BASE | {"extensions": {"a": {"y": 2}, "b": 3}},
            BASE | {"extensions": {"a": {"x": 1, "y": 2}, "b": 3}},
        ),
    ],
)
def test_what_only_one_changed_is_kept_from_both(mine: Any, theirs: Any, both: Any) -> None:
    found = merged(mine, theirs)

    assert json.loads(found.text) == both
    assert not found.clashes


@pytest.mark.parametrize(
    ("mine", "theirs", "path"),
    [
        (BASE | {"name": "A"}, BASE | {"name": "B"}, ("name",)),
        (without("tags"), BASE | {"tags": ["new"]}, ("tags",)),
        (BASE | {"tags": ["new"]}, without("tags"), ("tags",)),
        (BASE | {"tags": ["school", "x"]}, BASE | {"tags": ["y", "maths"]}, ("tags",)),
        (BASE | {"topP": 0.1}, BASE | {"topP": 0.2}, ("topP",)),
        (without("personality"), BASE | {"personality": {"tone": "dry", "style": "short"}}, ("personality",)),
        (
            BASE | {"personality": {"tone": "a", "style": "short"}},
            BASE | {"personality": {"tone": "b", "style": "short"}},
            ("personality", "tone"),
        ),
        (BASE | {"extensions": {"a": [1]}}, BASE | {"extensions": {"a": {"b": 1}}}, ("extensions", "a")),
        (BASE | {"summarize": True}, BASE | {"summarize": 1}, ("summarize",)),
    ],
)
def test_only_what_both_changed_is_asked(mine: Any, theirs: Any, path: Any) -> None:
    found = merged(mine | {"maxTokens": 5}, theirs | {"description": "D"})

    assert [clash.path for clash in found.clashes] == [path]
    assert json.loads(found.resolved([])) == theirs | {"description": "D", "maxTokens": 5}
    assert json.loads(found.resolved([path])) == mine | {"description": "D", "maxTokens": 5}
    assert [each.path for each in found.kept_mine] == [("maxTokens",)]
    assert [each.path for each in found.kept_theirs] == [("description",)]


def test_each_side_of_a_clash_is_shown_against_what_both_began_with() -> None:
    clash = merged(BASE | {"name": "A"}, BASE | {"name": "B"}).clashes[0]

    assert (clash.mine.before, clash.mine.after) == ("Tutor", "A")
    assert (clash.theirs.before, clash.theirs.after) == ("Tutor", "B")


def test_the_letters_that_nobody_of_us_changed_stay_as_they_wrote_them() -> None:
    theirs = (
        '{"id": "tutor",   "name": "T\\u00e9",\n\t"systemPrompt": "Ask questions.", "temperature": 7e-1}\n'
    )
    base = json.dumps({"id": "tutor", "name": "Tutor", "systemPrompt": "Ask questions.", "temperature": 0.7})
    mine = base.replace("Ask", "Always ask")

    found = merge_personas(base, mine, theirs)

    assert found
    assert found.text == theirs.replace("Ask", "Always ask")


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"a": 1, "a": 2}', '{"a": NaN}'])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_text_that_is_no_object_is_not_merged(broken: str, at: int) -> None:
    texts = [json.dumps(BASE)] * 3
    texts[at] = broken

    assert merge_personas(*texts) is None
