"""Old versions of a text, packed and taken out again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.personas.store.packing import compressed, decompressed, difference, older

WORDS = st.lists(
    st.sampled_from(["a", "tram", "brakes. ", "\n", ", ", "é\u2028", "😀 ", '"', "\\", "\x00"]), max_size=200
)


@given(WORDS.map("".join), WORDS.map("".join))
def test_what_is_packed_comes_out_the_same(old: str, new: str) -> None:
    assert decompressed(compressed(old)) == old
    packed = difference(old, new)
    assert packed is None or older(packed, new) == old


@given(st.text(max_size=300), st.integers(0, 300), st.text(max_size=20))
def test_any_text_that_was_edited_comes_out_the_same(old: str, at: int, typed: str) -> None:
    old = old.encode(errors="replace").decode()
    new = old[:at] + typed.encode(errors="replace").decode() + old[at:]
    packed = difference(old, new)
    assert packed is None or older(packed, new) == old


def long_text(seed: int) -> str:
    """Words that hardly repeat, so that nothing but a difference makes them small."""
    return " ".join(f"word{(number * 7919 + seed) % 1_000_003:x}" for number in range(20_000))


@pytest.mark.parametrize("edits", [1, 3, 20])
def test_edits_in_several_places_take_little_room(edits: int) -> None:
    old = long_text(1)
    new = old
    for number in range(edits):
        at = (number + 1) * len(new) // (edits + 1)
        new = f"{new[:at]} something else {number} {new[at + 5 :]}"
    packed = difference(old, new)
    assert packed is not None
    assert len(packed) < 100 * edits + 100


def test_a_part_that_moved_takes_little_room() -> None:
    old = long_text(1)
    middle = len(old) // 2
    packed = difference(old, old[middle:] + " " + old[:middle])
    assert packed is not None
    assert len(packed) < 500


def test_another_text_altogether_is_no_difference() -> None:
    assert difference(long_text(1), "short") is None
    assert difference("", "") is None or older(difference("", "") or b"", "") == ""
