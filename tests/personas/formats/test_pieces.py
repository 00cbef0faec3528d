"""A JSON text is cut where its values begin and end, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.jsontext.members import MOST_MARKS, MOST_MEMBERS, Torn, pieces
from tests.strategies import json_values

LAYOUTS = st.fixed_dictionaries({"indent": st.sampled_from([None, 2, "\t"]), "ensure_ascii": st.booleans()})


@settings(max_examples=60)
@given(st.lists(json_values, max_size=4), LAYOUTS)
def test_a_list_is_cut_into_its_values(values: list[Any], layout: dict[str, Any]) -> None:
    text = json.dumps(values, **layout)
    assert [json.loads(text[piece.start : piece.end]) for piece in pieces(text)] == values


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), LAYOUTS)
def test_an_object_is_cut_into_its_members(values: dict[str, Any], layout: dict[str, Any]) -> None:
    text = f" {json.dumps(values, **layout)}\n"
    found = {str(piece.key): json.loads(text[piece.start : piece.end]) for piece in pieces(text)}
    assert found == values


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "7",
        '"text"',
        "[",
        "{",
        "[1",
        '["open',
        '["open]',
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1] 2",
        "{} {}",
        "[" * 300_000,
        '["' + 'a\\"' * 300_000,
        "[" + "{}," * MOST_MEMBERS + "{}]",
        "[[" + "{}," * MOST_MARKS + "{}]]",
    ],
)
def test_what_is_no_json_is_torn(text: str) -> None:
    with pytest.raises(Torn):
        pieces(text)
