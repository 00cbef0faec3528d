"""Prompts from plain texts, tables and folders; hostile texts and values in any place."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from personachat.errors import ImportRefused, PersonaChatError
from personachat.personas.formats.reading import looks_like, read_file
from personachat.personas.formats.safe_zip import archive
from tests.personas.formats.costs import little_memory
from tests.personas.formats.program_files import ELIZA, KNOWN, one


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('act,prompt,for_devs\n"Clerk","I want you to act.",FALSE\n"Diver","Dive, please.",FALSE\n', 2),
        ("Titel;Text\nA;You are the first of them\nB;You are the second of them\n", 2),
        ('{"act": "A", "prompt": "p q"}\n{"act": "B", "prompt": "r s"}\n', 2),
        ('[{"title": "A", "content": "p q"}, {"title": "B", "content": "r s"}]', 2),
        ("- name: A\n  prompt: p q\n- name: B\n  prompt: r s\n", 2),
    ],
)
def test_tables_bring_a_persona_a_row(text: str, count: int) -> None:
    found = read_file(text.encode())
    assert len(found.arrivals) == count
    assert len({each.persona.id for each in found.arrivals}) == count


def test_columns_can_be_chosen() -> None:
    content = b"prompt,other,who\nWrong text here,Right text here,Ann\nWrong,Right two,Ben\n"
    found = read_file(content, columns={"prompt": "other", "name": "who"})
    assert [each.persona.system_prompt for each in found.arrivals] == ["Right text here", "Right two"]
    assert found.columns is not None
    assert found.columns.names == ("prompt", "other", "who")
    with pytest.raises(ImportRefused, match="no column"):
        read_file(content, columns={"prompt": "nothing"})


def test_a_folder_of_prompts_comes_without_its_readme() -> None:
    files = {
        "prompts/clerk.txt": b"You are a clerk.",
        "prompts/diver.md": b"# Diver\nYou dive.",
        "prompts/agent.md": b"---\nname: agent\n---\nYou act.",
        "README.md": b"# All my prompts",
        "src/run.py": b"print('you and me')",
    }
    found = read_file(archive(files))
    assert [each.persona.name for each in found.arrivals] == ["Clerk", "Diver", "Agent"]
    assert {each.name for each in found.skipped} == {"README.md", "src/run.py"}
    assert not any(each.is_broken for each in found.skipped)


def test_beside_cards_a_text_is_no_prompt() -> None:
    card = {"name": "Ann", "description": "d", "first_mes": "Hi", "personality": "", "scenario": ""}
    found = read_file(archive({"ann.json": json.dumps(card).encode(), "about.txt": b"About Ann and me"}))
    assert [each.persona.name for each in found.arrivals] == ["Ann"]
    assert [each.name for each in found.skipped] == ["about.txt"]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ({"entries": {"0": {"key": ["pier"], "content": "x"}}}, "a lore book"),
        ([{"title": "t", "mapping": {}, "create_time": 1}], "a ChatGPT export of conversations"),
        ({"name": "x", "version": "1", "dependencies": {}}, "a package.json"),
        ({"openapi": "3.1.0", "paths": {}}, "an OpenAPI description"),
        ({"prompts": [], "prompt_order": []}, "a SillyTavern preset"),
    ],
)
def test_what_brings_no_persona_is_named(value: Any, label: str) -> None:
    with pytest.raises(ImportRefused, match="This looks like") as refused:
        read_file(json.dumps(value).encode())
    assert label in str(refused.value)


@pytest.mark.parametrize(
    ("text", "filename", "name"),
    [
        ("{{char}} is a clerk. {{user}} asks.", "", "is a clerk. asks."),
        ('[Character("Ann") Job("clerk")] and so on', "", 'Character("Ann") Job("clerk") and so on'),
        ("# Harbour rules\n\nBe dry and short.", "AGENTS.md", "Harbour rules"),
        ("You are a harbour clerk. Be dry.", "prompt.txt", "Harbour clerk"),
        ("Be dry and short, always.", "night-watch.txt", "Night watch"),
    ],
)
def test_a_prompt_gets_a_name_from_its_file_its_heading_or_its_words(
    text: str, filename: str, name: str
) -> None:
    assert one(text.encode(), filename=filename).persona.name == name


def test_json_that_nobody_knows_is_told_by_its_keys() -> None:
    with pytest.raises(ImportRefused, match="colour, size"):
        read_file(b'{"colour": 1, "size": 2}')


def test_a_text_in_the_editor_is_named() -> None:
    assert looks_like(json.dumps(ELIZA)) == "an ElizaOS character"
    assert looks_like('{"id": "one", "systemPrompt": "x"}') == ""
    assert looks_like('{"id": "one"') == ""


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + above] * 9)}]\n"
    for above, name in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        "a: &a [*a]\nprompts: *a",
        "name: !!python/object/apply:os.system [ls]\ncontext: you and me",
        "- " * 2_000 + "x",
        "prompts:\n" + "  - x: y\n" * 60_000,
        "act,prompt\n" + "a,b c d\n" * 20_000,
        '{"prompt": "a b"}\n' * 50_000,
        "#\n" * 1_900_000,
        "x" * 5_000_000,
        json.dumps({f"a{n}": {"role": "r", "goal": "g"} for n in range(2_000)}),
    ],
    ids=["aliases", "itself", "tag", "deep", "long", "rows", "lines", "comments", "one word", "many"],
)
def test_hostile_texts_are_refused_cheaply(content: str) -> None:
    with pytest.raises(ImportRefused), little_memory():
        read_file(content.encode())


def test_aliases_in_front_matter_do_not_explode() -> None:
    with little_memory():
        found = one(f"---\n{BOMB}---\nYou are a clerk.".encode())
    assert found.persona.system_prompt == "You are a clerk."


ODD: list[Any] = [None, True, [], {}, "", "x", -1, 10**400, float("inf"), "\0\ud800", [None], [[1]], {"a": 1}]


def places(value: Any, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    listed = enumerate(value) if isinstance(value, list) else ()
    members = value.items() if isinstance(value, dict) else listed
    for key, inner in members:
        yield (*above, key)
        yield from places(inner, *above, key)


@pytest.mark.parametrize("kind", [kind for kind, (value, _) in KNOWN.items() if not isinstance(value, bytes)])
def test_whatever_stands_in_any_place_is_read_or_refused(kind: str) -> None:
    whole = KNOWN[kind][0]
    for place in places(whole):
        for odd in ODD:
            changed = copy.deepcopy(whole)
            *way, last = place
            inner: Any = changed
            for key in way:
                inner = inner[key]
            inner[last] = odd
            with suppress(PersonaChatError):
                assert read_file(json.dumps(changed).encode(), filename="").arrivals, (place, odd)
