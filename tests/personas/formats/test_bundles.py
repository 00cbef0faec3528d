"""A bundle brings every text to the letter, and what it was made of; one that lies is refused whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from personachat.errors import ImportRefused
from personachat.personas.formats.bundle import write_bundle
from personachat.personas.formats.reading import read_file as open_file
from personachat.personas.formats.safe_zip import archive, entries
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import StoredPersona
from tests.conftest import persona_text
from tests.personas.formats.costs import little_memory
from tests.personas.formats.reading import read_file

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LAYOUT = '{"id":"odd",\n\n"name" : "Odd",   "systemPrompt":"Hi.", "extensions":{"z":1,"a":2.50}}'


def stored(text: str, etag: str = "e1") -> StoredPersona:
    return StoredPersona(parse_persona(text), text, etag)


def bundle_of(*texts: str, **ancestors: Any) -> bytes:
    return write_bundle([stored(text) for text in texts], ancestors, exported_at=NOW).content


def changed(content: bytes, manifest: dict[str, Any] | None = None, **files: bytes | None) -> bytes:
    """The bundle with a changed manifest, and files added, replaced or (None) removed."""
    held: dict[str, bytes | None] = {**entries(content)}
    whole = json.loads(held["manifest.json"] or b"") | (manifest or {})
    held["manifest.json"] = json.dumps(whole).encode()
    held |= {f"personas/{name}.json": text for name, text in files.items()}
    return archive({name: text for name, text in held.items() if text is not None})


def refusal(content: bytes) -> str:
    with pytest.raises(ImportRefused) as refused, little_memory():
        read_file(content)
    return str(refused.value)


def test_texts_arrive_to_the_letter_with_their_ancestors() -> None:
    content = bundle_of(LAYOUT, persona_text("two"), odd=["e1", "e0"])
    odd, two = read_file(content, filename="team.zip")
    assert odd.text == LAYOUT
    assert odd.ancestors == {"e1", "e0"}
    assert (two.persona.id, two.text) == ("two", persona_text("two"))
    assert two.ancestors == {"e1"}
    assert {odd.source, two.source} == {"bundle"}
    assert odd.origin == "team.zip"


def test_the_manifest_says_when_and_what() -> None:
    manifest = json.loads(entries(bundle_of(LAYOUT))["manifest.json"])
    assert manifest == {
        "format": "personachat-bundle",
        "version": 1,
        "exportedAt": "2026-03-01T12:00:00+00:00",
        "personas": [
            {"id": "odd", "name": "Odd", "file": "personas/odd.json", "etag": "e1", "ancestors": []}
        ],
    }


def test_no_more_than_fifty_ancestors_are_told() -> None:
    (arrival,) = read_file(bundle_of(LAYOUT, odd=[f"a{number}" for number in range(90)]))
    assert arrival.ancestors == {"e1", *(f"a{number}" for number in range(50))}


def test_a_thousand_personas_with_long_histories_can_be_read_again() -> None:
    texts = [persona_text(f"p-{number}") for number in range(1_000)]
    histories = {f"p-{number}": [f"{number:05}{age:059}" for age in range(50)] for number in range(1_000)}
    assert len(read_file(bundle_of(*texts, **histories))) == 1_000


def test_an_empty_bundle_brings_nothing() -> None:
    assert read_file(bundle_of()) == ()


def test_a_newer_version_is_refused_with_a_way_out() -> None:
    content = changed(bundle_of(LAYOUT), {"version": 3})
    assert "version 3" in refusal(content)


def test_a_bundle_without_files_of_cards_is_one_that_earlier_versions_read() -> None:
    assert json.loads(entries(bundle_of(LAYOUT))["manifest.json"])["version"] == 1


def test_files_that_are_not_listed_are_refused() -> None:
    assert "doesn't list" in refusal(changed(bundle_of(LAYOUT), extra=b"{}"))


def test_files_that_are_listed_and_missing_are_refused() -> None:
    assert "doesn't contain" in refusal(changed(bundle_of(LAYOUT), odd=None))


def test_one_file_listed_twice_is_refused() -> None:
    listed = {"id": "odd", "file": "personas/odd.json", "etag": "e"}
    assert "twice" in refusal(changed(bundle_of(LAYOUT), {"personas": [listed, listed]}))


def test_two_files_with_one_id_are_refused() -> None:
    listed = [{"id": "odd", "file": f"personas/{name}.json", "etag": "e"} for name in ("odd", "more")]
    content = changed(bundle_of(LAYOUT), {"personas": listed}, more=LAYOUT.encode())
    found = open_file(content)
    assert len(found.arrivals) == 1
    assert "identical to" in found.skipped[0].reason


def test_a_persona_of_another_id_than_listed_is_refused() -> None:
    content = changed(bundle_of(LAYOUT), odd=persona_text("else").encode())
    assert 'contains the persona "else"' in refusal(content)


def test_a_fault_in_a_persona_is_told_with_its_file_and_line() -> None:
    content = changed(bundle_of(LAYOUT), odd=b'{"id": "odd",\n "name": 7, "systemPrompt": "x"}')
    assert refusal(content).startswith('"personas/odd.json" in the archive: Line 2: "name" must be text')


@pytest.mark.parametrize(
    "manifest",
    [
        {"format": "something-else"},
        {"version": "1"},
        {"personas": {}},
        {"personas": [{"id": "odd"}]},
        {"personas": [{"id": "odd", "file": "personas/odd.json", "etag": ""}]},
        {"personas": [{"id": "odd", "file": "../odd.json", "etag": "e"}]},
        {"personas": [{}] * 1_001},
    ],
)
def test_manifests_that_make_no_sense_are_refused(manifest: dict[str, Any]) -> None:
    refusal(changed(bundle_of(LAYOUT), manifest))


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"{", b"\xff", b'{"a":1,"a":2}', b"[" * 50_000, b"[" + b"{}," * 200_000 + b"{}]"]
)
def test_manifests_that_cannot_be_read_are_refused(manifest: bytes) -> None:
    refusal(archive({"manifest.json": manifest}))


def test_a_persona_full_of_brackets_is_refused_cheaply() -> None:
    hostile = persona_text("odd", extensions={"a": [[]] * 250_000}).encode()
    assert "values" in refusal(changed(bundle_of(LAYOUT), odd=hostile))
