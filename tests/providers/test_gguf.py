from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from personachat.providers.embedded.gguf import context_length

if TYPE_CHECKING:
    from pathlib import Path

UINT32, STRING, ARRAY, UINT64 = 4, 8, 9, 10


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


NAME = entry("general.name", STRING, text("Tiny"))
WORDS = entry("tokenizer.tokens", ARRAY, struct.pack("<IQ", STRING, 2) + text("a") + text("bc"))
SCORES = entry("tokenizer.scores", ARRAY, struct.pack("<IQ", UINT32, 3) + bytes(12))
CONTEXT = entry("llama.context_length", UINT32, struct.pack("<I", 4096))


def gguf(*entries: bytes, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(entries)) + b"".join(entries)


def length_or_refusal(file: Path) -> int | str | None:
    try:
        return context_length(file)
    except ValueError as refusal:
        return "refused" if "GGUF" in str(refusal) else str(refusal)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "tiny.gguf"


def test_the_context_length_is_found_behind_values_of_every_kind(file: Path) -> None:
    file.write_bytes(gguf(NAME, WORDS, SCORES, CONTEXT))

    assert context_length(file) == 4096


def test_a_long_number_is_read_as_well(file: Path) -> None:
    file.write_bytes(gguf(entry("qwen2.context_length", UINT64, struct.pack("<Q", 131072))))

    assert context_length(file) == 131072


def test_a_file_that_does_not_say_has_no_length(file: Path) -> None:
    file.write_bytes(gguf(NAME))

    assert context_length(file) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a GGUF"),
        (b"PK\x03\x04 and so on", "not a GGUF"),
        (gguf(CONTEXT, version=1), "old version"),
        (gguf(NAME, CONTEXT)[:-2], "damaged"),
        (gguf(entry("general.name", STRING, struct.pack("<Q", 1 << 63))), "damaged"),
        (gguf(entry("general.name", ARRAY, struct.pack("<IQ", ARRAY, 1))), "damaged"),
        (gguf(entry("general.name", 99, b"")), "damaged"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)

    with pytest.raises(ValueError, match=reason):
        context_length(file)


WHOLE = gguf(NAME, WORDS, SCORES, CONTEXT)
BEFORE_VALUE = len(WHOLE) - 8
"""What stands before the kind and the number of the context's length."""


@given(cut=st.integers(0, len(WHOLE) - 1))
def test_a_file_that_was_cut_off_anywhere_is_refused(file: Path, cut: int) -> None:
    file.write_bytes(WHOLE[:cut])

    with pytest.raises(ValueError, match="GGUF"):
        context_length(file)


@given(place=st.integers(4, BEFORE_VALUE - 1), byte=st.integers(0, 255))
def test_a_changed_byte_elsewhere_makes_no_other_length(file: Path, place: int, byte: int) -> None:
    content = bytearray(WHOLE)
    content[place] = byte
    file.write_bytes(content)

    assert length_or_refusal(file) in {4096, None, "refused"}


@given(kind=st.integers(0, 13), value=st.binary(min_size=8, max_size=8))
@example(kind=6, value=struct.pack("<ff", math.inf, 0))
@example(kind=12, value=struct.pack("<d", math.nan))
@example(kind=5, value=struct.pack("<ii", -4096, 0))
def test_a_length_is_a_whole_number_of_tokens_or_there_is_none(file: Path, kind: int, value: bytes) -> None:
    file.write_bytes(gguf(entry("llama.context_length", kind, value)))

    length = length_or_refusal(file)
    assert length in {None, "refused"} or 0 < int(length) < 1 << 64
