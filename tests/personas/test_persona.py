from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from personachat.errors import PersonaInvalid, Problem
from personachat.jsontext.faults import places
from personachat.jsontext.reader import MAX_DEPTH, MAX_FAULTS, MAX_TEXT_BYTES, read_json
from personachat.personas.persona import (
    DEFAULT_PERSONA_ID,
    Persona,
    check_persona,
    dump_persona,
    parse_persona,
    persona_schema,
)
from tests.calls_made import calls_of
from tests.strategies import json_values, personas

SHIPPED = sorted((Path(__file__).parents[2] / "personas").glob("*.json"))
MINIMAL = '{"id": "a", "name": "A", "systemPrompt": "Be brief."}'


def with_keys(**keys: Any) -> str:
    return json.dumps({"id": "a", "name": "A", "systemPrompt": "Be brief.", **keys})


def only_problem(text: str) -> Problem:
    (problem,) = check_persona(text)
    return problem


# --- what a persona is ----------------------------------------------------------------------------


def test_keys_left_out_have_their_defaults() -> None:
    persona = parse_persona(MINIMAL)
    assert (persona.temperature, persona.max_tokens, persona.model) == (0.7, 1000, "gpt-4")
    assert (persona.description, persona.greeting, persona.avatar) == ("", "", "")
    assert (persona.starters, persona.examples, persona.tags, persona.stop) == ((), (), (), ())
    assert persona.personality.tone == persona.personality.style == persona.personality.formality == ""
    assert persona.top_p is None
    assert (persona.context_tokens, persona.summarize) == (None, False)
    assert persona.extensions == {}


def test_a_persona_cannot_be_changed() -> None:
    kept = {"lore": [1]}
    persona = Persona(id="a", name="A", system_prompt="x", extensions=kept)
    with pytest.raises(ValidationError):
        persona.name = "B"  # type: ignore[misc]  # looser than the types on purpose
    kept["lore"].append(2)
    assert persona.extensions == {"lore": [1]}


@given(personas())
def test_a_persona_comes_back_from_its_own_text(persona: Persona) -> None:
    text = dump_persona(persona)
    assert parse_persona(text) == persona
    assert dump_persona(parse_persona(text)) == text
    assert text.encode().decode() == text


def test_the_text_holds_the_core_keys_always_and_the_optional_ones_when_set() -> None:
    text = dump_persona(Persona(id="a", name="Zoë", system_prompt="x"))
    assert list(json.loads(text)) == [
        "id", "name", "description", "systemPrompt", "temperature", "maxTokens", "model", "personality",
    ]  # fmt: skip
    assert '  "name": "Zoë"' in text
    assert text.endswith("}\n")
    told = dump_persona(Persona(id="a", name="A", system_prompt="x", context_tokens=4096, summarize=True))
    assert json.loads(told)["contextTokens"] == 4096
    assert json.loads(told)["summarize"] is True
    assert '"topP": 0.0' in dump_persona(Persona(id="a", name="A", system_prompt="x", top_p=0))


@given(json_values)
def test_extensions_are_kept_untouched(value: Any) -> None:
    persona = parse_persona(with_keys(extensions={"theirs": value}))
    assert json.loads(dump_persona(persona))["extensions"] == {"theirs": value}


def test_a_whole_number_may_be_written_with_a_point_as_in_json_schema() -> None:
    assert parse_persona(with_keys(maxTokens=1000.0)).max_tokens == 1000


@pytest.mark.parametrize("persona_id", ["con", "nul", "aux", "prn", "com1", "lpt9"])
def test_windows_device_names_are_no_ids(persona_id: str) -> None:
    problem = only_problem(with_keys(id=persona_id))
    assert "Windows reserves" in problem.message
    assert not check_persona(with_keys(id=f"{persona_id}-x"))


@pytest.mark.parametrize(
    "persona_id", ["", "A", "-a", "a b", "a/b", "../a", "a.b", "é", "a" * 65, "a\n", "\u017f"]
)
def test_ids_that_are_no_safe_file_names_are_refused(persona_id: str) -> None:
    assert only_problem(with_keys(id=persona_id)).path == ("id",)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"temperature": "0.7"},
            '"temperature" must be a number without quotes; write 0.7 instead of "0.7".',
        ),
        ({"temperature": True}, '"temperature" must be a number without quotes, not true.'),
        ({"temperature": 2.5}, '"temperature" must be at most 2 (it is 2.5).'),
        ({"temperature": -1}, '"temperature" must be at least 0 (it is -1).'),
        ({"temperature": None}, "not null; write a value or leave the key out."),
        ({"maxTokens": 1.5}, '"maxTokens" must be a whole number; write 2 instead of 1.5.'),
        ({"maxTokens": 0}, '"maxTokens" must be at least 1 (it is 0).'),
        ({"maxTokens": 10**300}, "must be at most 1,000,000 (it is 1"),
        ({"maxTokens": False}, '"maxTokens" must be a whole number without quotes, not false.'),
        ({"topP": 1.01}, '"topP" must be at most 1 (it is 1.01).'),
        ({"contextTokens": 255}, '"contextTokens" must be at least 256 (it is 255).'),
        ({"contextTokens": 10_000_001}, '"contextTokens" must be at most 10,000,000 (it is 10000001).'),
        (
            {"contextTokens": "4096"},
            '"contextTokens" must be a whole number without quotes; write 4096 instead of "4096".',
        ),
        (
            {"summarize": "true"},
            '"summarize" must be true or false without quotes; write true instead of "true".',
        ),
        ({"summarize": 1}, '"summarize" must be true or false without quotes, not the number 1.'),
        ({"context_tokens": 4096}, 'Unknown key "context_tokens"; did you mean "contextTokens"?'),
        ({"summarise": True}, 'Unknown key "summarise"; did you mean "summarize"?'),
        ({"name": ""}, '"name" is empty; write something between the quotes.'),
        ({"name": "  "}, '"name" contains only blanks'),
        ({"name": "a\nb"}, '"name" contains a line break'),
        ({"name": "a\u2028b"}, '"name" contains a line break'),
        ({"name": "x" * 90}, '"name" is 90 characters long; the limit is 80. Shorten it by 10.'),
        ({"name": 5}, '"name" must be text in double quotes, not the number 5.'),
        ({"systemPrompt": "\n "}, '"systemPrompt" contains only blanks'),
        ({"systemPrompt": "x" * 32_001}, "the limit is 32,000. Shorten it by 1."),
        ({"model": ""}, '"model" is empty'),
        ({"tags": "one"}, '"tags" must be a list such as ["one", "two"], not the text "one".'),
        ({"tags": ["a", 5]}, 'Entry 2 of "tags" must be text in double quotes'),
        ({"stop": list("abcde")}, '"stop" has 5 entries; the limit is 4. Remove 1.'),
        ({"starters": [""]}, 'Entry 1 of "starters" is empty'),
        ({"examples": [{"user": "u"}]}, 'The key "assistant" is missing'),
        ({"examples": [{"user": "u", "assistant": 1}]}, '"assistant" of entry 1 in "examples" must be text'),
        ({"personality": []}, '"personality" must be an object in braces { }, not a list.'),
        ({"personality": {"tones": ""}}, 'Unknown key "tones"; did you mean "tone"?'),
        ({"personality": {"mood": ""}}, 'Unknown key "mood"; known keys are tone, style, formality.'),
        ({"extensions": []}, '"extensions" must be an object in braces { }, not a list.'),
        ({"temprature": 1}, 'Unknown key "temprature"; did you mean "temperature"?'),
        ({"system_prompt": "x"}, 'Unknown key "system_prompt"; did you mean "systemPrompt"?'),
        ({"max_tokens": 5}, 'Unknown key "max_tokens"; did you mean "maxTokens"?'),
        ({"tone": "dry"}, 'The key "tone" doesn\'t belong here; put it inside "personality".'),
        ({"zzz": 1}, 'Unknown key "zzz"; remove it, or put it inside "extensions".'),
        ({"avatar": ":material/schol:"}, 'icon that doesn\'t exist; did you mean ":material/school:"?'),
        ({"avatar": "/etc/passwd"}, '"avatar" must be one emoji'),
        ({"avatar": "https://example.org/a.png"}, '"avatar" must be one emoji'),
        ({"avatar": "🧭🧭"}, '"avatar" must be one emoji'),
        ({"avatar": ":smile:"}, '"avatar" must be written like ":material/school:"'),
    ],
)
def test_a_breach_is_told_with_cause_and_mend(keys: dict[str, Any], sentence: str) -> None:
    problem = only_problem(with_keys(**keys))
    assert sentence in problem.message
    assert problem.message.endswith((".", "?"))


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b"])
def test_what_cannot_be_stored_is_refused_in_python_too(name: str) -> None:
    with pytest.raises(ValidationError):
        Persona(id="a", name="A", system_prompt=name)
    with pytest.raises(ValidationError):
        Persona(id="a", name="A", system_prompt="x", extensions={"deep": [{name: 1}]})


@pytest.mark.parametrize("value", [float("nan"), 10**400, object(), {1: 2}, (1, 2)])
def test_extensions_hold_nothing_but_json(value: Any) -> None:
    with pytest.raises(ValidationError):
        Persona(id="a", name="A", system_prompt="x", extensions={"theirs": value})


# --- where a problem is ---------------------------------------------------------------------------

FAULTY = """{
  "id": "Data",
  "temprature": 3,
  "name": "x",
  "name": "y",
  "temperature": 9,
  "personality": {
    "tone": null
  },
  "examples": [
    {"user": "u", "assistant": "a"},
    {"user": 1}
  ],
  "stop": ["a", ""],
  "extensions": {"deep": [1, NaN, "\\ud800", 1e999], "\\u0000": 1}
}"""


def test_all_problems_are_found_each_at_its_very_place() -> None:
    found = [(problem.line, problem.column, problem.path) for problem in check_persona(FAULTY)]
    assert found == [
        (1, 1, ("systemPrompt",)),  # missing: where the object opens
        (2, 9, ("id",)),
        (3, 3, ("temprature",)),  # unknown: at the key
        (5, 3, ("name",)),  # twice: at the second key
        (6, 18, ("temperature",)),
        (8, 13, ("personality", "tone")),
        (12, 5, ("examples", 1, "assistant")),
        (12, 14, ("examples", 1, "user")),
        (14, 17, ("stop", 1)),
        (15, 30, ("extensions", "deep", 1)),
        (15, 35, ("extensions", "deep", 2)),
        (15, 45, ("extensions", "deep", 3)),
        (15, 53, ("extensions", "\x00")),
    ]


def test_the_error_carries_the_same_problems() -> None:
    with pytest.raises(PersonaInvalid) as caught:
        parse_persona(FAULTY)
    assert caught.value.problems == check_persona(FAULTY)
    assert str(caught.value).startswith('Line 1: The key "systemPrompt" is missing')


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("", (1, 1), "The text is empty"),
        (" \n", (1, 1), "The text is empty"),
        ('{\n "id": "a",\n}', (2, 11), 'There is an extra comma before the closing "}"'),
        ('{"tags": ["a",]}', (1, 14), 'There is an extra comma before the closing "]"'),
        ("{'id': 'a'}", (1, 2), "straight double quotes"),
        ('{"id": \u201ca\u201d}', (1, 8), "straight double quotes"),
        ('{id: "a"}', (1, 2), 'Keys need double quotes: write "id"'),
        ('{\n "id": "a"\n "name": "A"\n}', (2, 11), "A comma or the closing"),
        ('{"id" "a"}', (1, 7), 'A colon is missing after the key "id"'),
        ('{"id":}', (1, 7), 'A value is missing before "}"'),
        ('{"id": a}', (1, 8), '"a" needs double quotes'),
        ('{"a": True}', (1, 7), "JSON uses true instead of True."),
        ('{"a": None}', (1, 7), "JSON uses null instead of None."),
        ('{"a": .5}', (1, 7), '".5" is not a number in JSON'),
        ('{"a": 01}', (1, 7), '"01" is not a number in JSON'),
        ('{"a": 0,7}', (1, 8), "Numbers use a decimal point, not a comma"),
        ('{"a": 1 // why\n}', (1, 9), "JSON doesn't allow comments"),
        ("# persona\n{}", (1, 1), "JSON doesn't allow comments"),
        ('{"a": "one\ntwo"}', (1, 11), "This line ends inside a text"),
        ('{"a": "one\ttwo"}', (1, 11), "write \\t"),
        ('{"a": "one\x00"}', (1, 11), "write \\u0000 or remove it"),
        ('{"a": "one', (1, 7), "This text is never closed"),
        ('{"a": "C:\\dir"}', (1, 10), "write \\\\ for a backslash"),
        ('{"a": "\\u12"}', (1, 9), "four hexadecimal digits"),
        ('{"a": "say "hi" now"}', (1, 13), 'Write a quote inside a text as \\".'),
        ('{"a": [1, 2}', (1, 12), '"}" does not close the "[" from line 1'),
        ('{\n"a": {"b": 1}', (2, 14), 'The "{" from line 1 is never closed'),
        ("{} {}", (1, 4), "Nothing may follow the end"),
        ("\ufeff{}", (1, 1), "byte order mark"),
        ("[]", (1, 1), "A persona must be an object in braces { }, not a list."),
        ("\x00", (1, 1), "is not allowed here"),
        ("9" * 10_000, (1, 1), "too large to store"),
        ("[" * 100_000, (1, MAX_DEPTH + 1), "nested too deep"),
        ('{"a":' * 100_000, (1, 5 * MAX_DEPTH + 1), "nested too deep"),
        (" " * (MAX_TEXT_BYTES + 1), (1, 1), "The text is too large"),
        ('"' + "é" * (MAX_TEXT_BYTES // 2) + '"', (1, 1), "The text is too large"),
    ],
)
def test_a_syntax_error_is_told_with_place_cause_and_mend(
    text: str, place: tuple[int, int], sentence: str
) -> None:
    problem = only_problem(text)
    assert sentence in problem.message
    assert (problem.line, problem.column) == place


def test_lines_end_with_cr_lf_or_both_as_editors_count_them() -> None:
    assert places("a\r\nb\rc\nd", [0, 3, 5, 7]) == [(1, 1), (2, 1), (3, 1), (4, 1)]


def test_very_many_problems_are_cut_short() -> None:
    unknown = ",".join(f'"key{number}": 1' for number in range(5000))
    twice = ",".join(['"id": "a"'] * 5000)
    assert len(check_persona(f"{{{unknown}}}")) == MAX_FAULTS
    assert len(check_persona(f"{{{twice}}}")) == MAX_FAULTS


# --- any text whatever ----------------------------------------------------------------------------

jsonish = st.lists(
    st.sampled_from(
        [
            *'{}[]:,"\\ \n\t0-+.e',
            "\\u",
            "\\ud800",
            "true",
            "null",
            "NaN",
            "1e999",
            '"id"',
            '"a"',
            "//",
            "\ufeff",
            "\x00",
        ]
    )
    | st.text(max_size=3)
    | st.characters(categories=["Cs"]),
    max_size=40,
).map("".join)


@given(st.text() | jsonish)
@example("1e")
@example('{"\\')
@example('{"a":"\\u')
@example('{"a":-')
@example("\ud800")
def test_no_text_raises_anything_but_persona_invalid(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in check_persona(text):
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        problem.message.encode()


@given(json_values, st.sampled_from([None, 0, 2]), st.sampled_from(["escaped", "as it is"]))
def test_values_are_read_as_the_standard_library_reads_them(
    value: Any, indent: int | None, escaped: str
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped == "escaped")
    read = read_json(text)
    assert not read.faults
    assert repr(read.value) == repr(json.loads(text))


@given(jsonish)
def test_what_the_standard_library_refuses_is_refused(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        assert read_json(text).faults


def test_a_long_prompt_is_checked_without_a_call_for_each_of_its_lines() -> None:
    """What takes time is a call in Python for each word or line of it; there is none."""
    short, long = (with_keys(systemPrompt='Über "alles"\n' * lines, temprature=1) for lines in (24, 2400))
    check_persona(long)
    assert calls_of(lambda: check_persona(long)) <= calls_of(lambda: check_persona(short)) + 10


# --- the schema and the shipped personas ----------------------------------------------------------


def test_the_schema_names_every_key_with_a_description() -> None:
    schema = persona_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Persona"
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"id", "name", "systemPrompt"}
    optional = {"topP", "contextTokens", "summarize", "extensions"}
    assert {"systemPrompt", "maxTokens"} | optional <= set(schema["properties"])
    assert all(rule.get("description") for rule in schema["properties"].values())
    json.dumps(schema, allow_nan=False)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_persona_is_ready_to_talk(path: Path) -> None:
    text = path.read_bytes().decode()
    persona = parse_persona(text)
    assert persona.id == path.stem
    assert persona.greeting
    assert len(persona.starters) == 3
    assert persona.avatar
    assert persona.description
    assert persona.personality.tone
    assert persona.personality.style
    assert persona.personality.formality
    assert len(persona.system_prompt) <= 900
    assert dump_persona(persona) == text


def test_the_shipped_personas_differ_and_hold_the_default_one() -> None:
    shipped = [parse_persona(path.read_text(encoding="utf-8")) for path in SHIPPED]
    assert len(shipped) >= 8
    assert DEFAULT_PERSONA_ID in {persona.id for persona in shipped}
    for attribute in ("name", "system_prompt", "avatar", "personality", "greeting"):
        assert len({str(getattr(persona, attribute)) for persona in shipped}) == len(shipped), attribute
    assert any(persona.examples for persona in shipped)
