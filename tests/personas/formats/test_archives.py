"""An archive is read whole or refused with the reason, and never costs more than it may."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.errors import ImportRefused
from personachat.personas.formats.safe_zip import LIMITS, Limits, archive, entries
from tests.personas.formats.costs import little_memory
from tests.personas.formats.zips import FIFO, SYMLINK, Part, deflated, zip_of

MB = 1024 * 1024


def packed_by_python(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return written.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(ImportRefused) as refused, little_memory():
        entries(content)
    assert refused.value.hint.endswith(".")
    sentence = str(refused.value)
    assert sentence.endswith(".")
    return sentence


NAMES = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=12)


@settings(max_examples=40)
@given(st.dictionaries(NAMES, st.binary(max_size=200), max_size=5))
def test_what_is_packed_is_what_is_read(files: dict[str, bytes]) -> None:
    files = {key.casefold(): b"=" + content for key, content in files.items()}
    assert dict(entries(archive(files))) == files


def test_the_same_files_make_the_same_bytes() -> None:
    files = {"a.json": b"{}", "b/c.json": b"[]"}
    assert archive(files) == archive(dict(files))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_of_other_programs_are_read(method: int) -> None:
    files = {"ä/ü.json": b"{}" * 100, "plain.json": b""}
    assert dict(entries(packed_by_python(files, method))) == files


def test_archives_that_were_written_as_a_stream_are_read() -> None:
    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, content: Any) -> int:
            self.written += bytes(content)
            return len(content)

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.json", b"{}" * 50)
        made.mkdir("folder")
        made.writestr("folder/b.json", b"[]")
    assert dict(entries(stream.written)) == {"a.json": b"{}" * 50, "folder/b.json": b"[]"}


def test_folders_and_a_comment_do_no_harm() -> None:
    folder = Part("folder/", b"", method=0, attributes=0o040755 << 16)
    content = zip_of(folder, Part("folder/a.json"), comment=b"made by hand")
    assert dict(entries(content)) == {"folder/a.json": b"{}"}


def test_an_empty_archive_holds_nothing() -> None:
    assert dict(entries(zip_of())) == {}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "a/../../evil.json",
        "./a.json",
        "a//b.json",
        "/etc/passwd",
        "C:/evil.json",
        "c:evil.json",
        "..\\evil.json",
        "a\\b.json",
        "a\nb.json",
        "a\x00b.json",
        "a\x7fb.json",
        "",
        "n" * 300,
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    refusal(zip_of(Part(name)))


@pytest.mark.parametrize("names", [("a.json", "a.json"), ("a.json", "A.JSON"), ("ä.json", "a\u0308.json")])
def test_two_files_of_one_name_are_refused(names: tuple[str, str]) -> None:
    assert "two files" in refusal(zip_of(*(Part(name) for name in names)))


def test_a_file_that_is_a_folder_as_well_is_refused() -> None:
    assert "both a file and a folder" in refusal(zip_of(Part("a"), Part("a/b.json")))


def test_links_are_not_followed() -> None:
    assert "link" in refusal(zip_of(Part("a.json", b"/etc/passwd", attributes=SYMLINK)))
    assert "link" in refusal(zip_of(Part("a.json", attributes=0x400)))


def test_devices_and_pipes_are_refused() -> None:
    assert "neither a file nor a folder" in refusal(zip_of(Part("a.json", attributes=FIFO)))


@pytest.mark.parametrize("flag", [1 << 0, 1 << 6, 1 << 13])
def test_encrypted_files_are_refused(flag: int) -> None:
    assert "encrypted" in refusal(zip_of(Part("a.json", flags=flag)))


@pytest.mark.parametrize("method", [9, 12, 14, 93, 99])
def test_ways_of_packing_that_are_not_known_are_refused(method: int) -> None:
    assert "unsupported compression" in refusal(zip_of(Part("a.json", method=method, packed=b"xxxx")))


NESTED = {
    "zip": zip_of(Part("a.json")),
    "empty zip": zip_of(),
    "gzip": b"\x1f\x8b\x08" + bytes(20),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(20),
    "rar": b"Rar!\x1a\x07\x01\x00" + bytes(20),
    "xz": b"\xfd7zXZ\x00" + bytes(20),
    "bzip2": b"BZh91AY&SY" + bytes(20),
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(20),
    "tar": bytes(257) + b"ustar\x0000" + bytes(300),
}


@pytest.mark.parametrize("kind", NESTED)
def test_archives_inside_of_archives_are_refused(kind: str) -> None:
    assert "archive inside the archive" in refusal(zip_of(Part("a.json", NESTED[kind])))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    zeros = bytes(15 * MB)
    assert "200 times" in refusal(zip_of(Part("a.json", zeros)))


def test_a_bomb_that_says_it_is_small_is_stopped_at_what_it_said() -> None:
    lie = {"size": 10}
    bomb = Part("a.json", bytes(15 * MB), local=lie, central=lie)
    assert "lies" in refusal(zip_of(bomb))


def test_many_files_that_are_small_alone_are_refused_together() -> None:
    noise = zlib.crc32(b"seed").to_bytes(4, "big") * 2
    block = b"".join(struct.pack(">I", zlib.crc32(noise + struct.pack(">I", n))) for n in range(2_000))
    big = block + bytes(MB - len(block))
    parts = (Part(f"{number}.json", big) for number in range(45))
    assert "40 MB" in refusal(zip_of(*parts))


def test_one_file_that_is_too_big_is_refused() -> None:
    with pytest.raises(ImportRefused, match="too large"):
        entries(zip_of(Part("a.json", b"12345")), limits=Limits(entry_bytes=4))


def test_an_archive_that_is_too_big_is_refused_unseen() -> None:
    assert "too large" in refusal(b"PK\x03\x04" + bytes(LIMITS.file_bytes))


def test_too_many_files_are_refused_before_they_are_listed() -> None:
    content = zip_of(*(Part(f"{number}", b"", method=0) for number in range(LIMITS.entries + 1)))
    assert f"contains {LIMITS.entries + 1:,} files" in refusal(content)
    assert "more files than it states" in refusal(zip_of(Part("a"), Part("b"), here=1, count=1))


def test_a_table_that_claims_more_files_than_it_lists_is_refused() -> None:
    refusal(zip_of(Part("a"), here=60_000, count=60_000))
    refusal(zip_of(Part("a"), here=2, count=2))


def test_a_table_that_lists_a_hundred_thousand_files_as_one_costs_nothing() -> None:
    listed = struct.pack("<4s42x", b"PK\x01\x02")
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 100_000 * len(listed), 0, 0)
    assert "more files than it states" in refusal(listed * 100_000 + end)


def test_sizes_and_places_written_in_the_huge_form_are_refused() -> None:
    sizes = struct.pack("<HHQ", 1, 8, 2)
    assert "Zip64" in refusal(zip_of(Part("a.json", central={"size": 0xFFFFFFFF, "extra": sizes})))
    place = struct.pack("<HHQ", 1, 8, 0)
    assert "Zip64" in refusal(zip_of(Part("a.json", central={"offset": 0xFFFFFFFF, "extra": place})))


@pytest.mark.parametrize("extra", [b"\x55\x54\x05\x00\x01abcd", b"\x01", b"\x99\x99\x00\x00"])
def test_what_other_programs_add_to_the_table_does_no_harm(extra: bytes) -> None:
    assert dict(entries(zip_of(Part("a.json", central={"extra": extra})))) == {"a.json": b"{}"}


def test_names_are_read_as_utf8_or_as_dos_wrote_them() -> None:
    def name_of(raw: bytes) -> str:
        plain = {"flags": 0}
        return next(iter(entries(zip_of(Part(raw, local=plain, central=plain)))))

    assert name_of("ä.json".encode()) == "ä.json"
    assert name_of("ä.json".encode("cp437")) == "ä.json"
    assert "not valid text" in refusal(zip_of(Part(b"\xff\xfe.json", central={"flags": 0})))
    refusal(zip_of(Part(b"\xff\xfe.json")))


def test_files_that_overlap_are_refused() -> None:
    kernel = Part("a.json", bytes(1000))
    again = Part("b.json", bytes(1000), packed=b"", central={"offset": 0, "packed_size": 12})
    assert "overlap" in refusal(zip_of(kernel, again))


def test_files_that_hold_other_files_are_refused() -> None:
    inner = zip_of(Part("b.json"))
    outer = Part("a.json", inner, method=0)
    shared = Part("b.json", packed=b"", central={"offset": 36, "packed_size": len(deflated(b"{}"))})
    assert "overlap" in refusal(zip_of(outer, shared))


@pytest.mark.parametrize(
    "content",
    [
        zip_of(Part("a.json"), before=b"#!/bin/sh\n"),
        zip_of(Part("a.json"), after=b"trailing"),
        zip_of(Part("a.json", after=b"hidden"), Part("b.json")),
        zip_of(Part("a.json", after=b"hidden")),
        zip_of(Part("a.json"), comment=zip_of(Part("b.json"))),
    ],
    ids=["before", "after", "between", "before the table", "another archive as comment"],
)
def test_what_hides_around_the_files_is_refused(content: bytes) -> None:
    refusal(content)


@pytest.mark.parametrize(
    "part",
    [
        Part("a.json", local={"name": b"b.json"}),
        Part("a.json", local={"size": 1}),
        Part("a.json", local={"method": 0}),
        Part("a.json", local={"flags": 1}),
        Part("a.json", local={"checksum": 1}),
        Part("a.json", flags=1 << 3),
        Part("a.json", central={"offset": 7}),
        Part("a.json", central={"packed_size": 5_000}),
        Part("a.json", central={"disk": 3}),
        Part("a.json", central={"size": 0xFFFFFFFF}),
    ],
)
def test_records_that_do_not_agree_are_refused(part: Part) -> None:
    refusal(zip_of(part))


@pytest.mark.parametrize("said", [{"size": 1}, {"size": 3}, {"checksum": 1}])
def test_sizes_and_checksums_that_lie_are_found(said: dict[str, int]) -> None:
    refusal(zip_of(Part("a.json", local=said, central=said)))


def test_damaged_content_is_refused() -> None:
    assert "damaged" in refusal(zip_of(Part("a.json", packed=b"\xff\xff\xff")))
    assert "doesn't end" in refusal(zip_of(Part("a.json", packed=deflated(b"{}") + b"more")))
    assert "doesn't end" in refusal(zip_of(Part("a.json", packed=deflated(b"{}")[:-1])))


@pytest.mark.parametrize(
    "end", [{"count": 0xFFFF}, {"start": 0xFFFFFFFF}, {"disk": 1}, {"start": 3}, {"here": 2}]
)
def test_closing_records_that_make_no_sense_are_refused(end: dict[str, Any]) -> None:
    refusal(zip_of(Part("a.json"), **end))


@settings(max_examples=80)
@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_no_content(at: int, value: int) -> None:
    files = {"a.json": b'{"a": 1}' * 9, "b.json": b"[]"}
    content = bytearray(archive(files))
    content[at % len(content)] = value
    try:
        found = dict(entries(bytes(content)))
    except ImportRefused:
        return
    assert list(found.values()) == list(files.values())


@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_no_noise_is_taken_for_an_archive(noise: bytes) -> None:
    with pytest.raises(ImportRefused):
        entries(b"PK\x03\x04" + noise)
