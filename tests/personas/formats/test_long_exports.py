"""Long archives are written and handed out in parts: none is in memory as a whole."""

from __future__ import annotations

import io
import random
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

from personachat.api.personas.files import _download
from personachat.cli.persona_files import export
from personachat.personas.formats.catalogue import MOST_ARCHIVE_BYTES
from personachat.personas.formats.packed import MOST_HELD_BYTES, PART_BYTES, PackedFile
from personachat.personas.formats.safe_zip import Archive, Limits, archive, entries
from personachat.personas.formats.writing import leave_together
from personachat.services import Services
from tests.conftest import local
from tests.personas.test_card_assets import brought, card

MB = 1024 * 1024
SOUNDS = 10
SOUND_BYTES = 4 * MB


@contextmanager
def memory_peak() -> Iterator[Callable[[], int]]:
    """Gives how many bytes Python held at most, beyond what it held at the start."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def sound(number: int) -> bytes:
    return b"OggS" + random.Random(number).randbytes(SOUND_BYTES)


@pytest.fixture
def collection(services: Services) -> Any:
    """One persona, "robin", whose card has files of 40 MB in all."""
    found = local(services).collection
    files = {f"assets/{number}.ogg": sound(number) for number in range(SOUNDS)}
    brought(found, archive({"card.json": card(assets=[]), **files}))
    return found


@pytest.mark.parametrize("kind", ["charx", "bundle"])
def test_a_long_archive_leaves_in_parts_and_is_never_in_memory(
    collection: Any, kind: str, tmp_path: Path
) -> None:
    file = tmp_path / "robin.zip"
    with memory_peak() as peak, file.open("wb") as written:
        sent = collection.export("robin", kind)
        for part in sent.parts():
            assert len(part) <= PART_BYTES
            written.write(part)
        assert peak() < 5 * SOUND_BYTES < sent.size
    assert file.stat().st_size == sent.size
    unpacked = Archive(file.read_bytes(), limits=Limits(file_bytes=MOST_ARCHIVE_BYTES))
    assert sum(unpacked.read(name).startswith(b"OggS") for name in unpacked.names) == SOUNDS


def test_pictures_of_a_bundle_are_read_one_after_the_other(collection: Any) -> None:
    stored = collection.get("robin")
    names = [f"{number:032x}" for number in range(SOUNDS)]
    pictured = [
        type(stored)(stored.persona.model_copy(update={"picture": name}), stored.text, stored.etag)
        for name in names
    ]
    readers = {name: partial(sound, number) for number, name in enumerate(names)}
    with memory_peak() as peak:
        sent = leave_together(pictured, {}, readers)
        assert peak() < 5 * SOUND_BYTES < sent.size


def test_the_command_line_and_the_api_hand_it_out_in_parts(collection: Any, tmp_path: Path) -> None:
    with memory_peak() as peak:
        assert export(collection, ["robin"], kind="charx", output=tmp_path) == 0
        response = _download(collection.export("robin", "charx"))
        assert peak() < 5 * SOUND_BYTES
    size = (tmp_path / "robin.charx").stat().st_size
    assert size > SOUNDS * SOUND_BYTES
    assert response.headers["content-length"] == str(size)


@pytest.mark.parametrize("length", [0, 1, PART_BYTES, PART_BYTES + 1, MOST_HELD_BYTES + 5])
def test_every_reader_of_a_packed_file_gets_all_of_it(length: int) -> None:
    content = random.Random(1).randbytes(length)

    def write(written: IO[bytes]) -> None:
        written.write(content)

    file = PackedFile(write)
    first, second = file.parts(), file.parts()
    halves = [next(first, b""), next(second, b"")]
    assert halves[0] + b"".join(first) == halves[1] + b"".join(second) == file.content == content
    assert len(file) == length


def test_zips_are_read_by_others() -> None:
    content = archive({"a.txt": b"a" * 10, "volume/ä.png": b"\x89PNG"})
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["a.txt", "volume/ä.png"]
    assert entries(content)["a.txt"] == b"a" * 10
