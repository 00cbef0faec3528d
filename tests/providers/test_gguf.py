from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
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


@given(cut=st.integers(0, 200), place=st.integers(4, 100), byte=st.integers(0, 255))
def test_any_bytes_give_a_length_or_a_refusal(file: Path, cut: int, place: int, byte: int) -> None:
    content = bytearray(gguf(NAME, WORDS, SCORES, CONTEXT))
    content[place] = byte
    file.write_bytes(content[:cut])

    with suppress(ValueError):
        context_length(file)
