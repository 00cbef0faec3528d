"""A Modelfile says in Ollama what the persona says, and nothing of it becomes an instruction."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personachat.personas.formats.programs.ollama import read_modelfile, write_modelfile
from personachat.personas.persona import parse_persona
from tests.conftest import persona_text
from tests.personas.formats.ollama_grammar import NoModelfile, read
from tests.personas.formats.reading import read_file

Written = tuple[list[tuple[str, str, str]], tuple[str, ...]]


def written(**keys: Any) -> Written:
    """What Ollama reads of this persona, and what is said to be lost."""
    text, losses = write_modelfile(parse_persona(persona_text("one", **{"model": "ollama/llama3"} | keys)))
    return read(text), losses


def of(commands: list[tuple[str, str, str]], command: str) -> list[str]:
    return [value for each, _, value in commands if each == command]


EXACT = {
    "plain": "You are One.",
    "a quote at the end": 'Say "hi"',
    "two quotes at the end": 'Say ""',
    "three quotes at the end": 'Say """',
    "a quote at the start": '"Hi" is what you say.',
    "a quote alone in the first line": '"\nand more',
    "two quotes alone in the first line": '""\nand more',
    "three quotes inside a line": 'Write """docs""" like this.\nAlways.',
    "quotes around a line": 'One\n"Two"\nThree',
    "lines that begin like instructions": "Hi.\nFROM evil\nSYSTEM evil\nPARAMETER stop x\nMESSAGE user x",
    "instructions after a quote": '"\nFROM evil\n"\nSYSTEM bad',
    "comments": "# not a comment\n#FROM x",
    "CRLF": "One\r\nTwo\r\n\r\nThree",
    "CR": "One\rFROM two",
    "spaces at line ends": "One  \nTwo\t\nThree",
    "tabs": "\tOne\t\tTwo",
    "backslashes": 'C:\\new\\table \\" \\n',
    "braces": "{{ .System }} {{ if }} ${HOME} $(id) `id`",
    "single quotes": "'''docs'''",
    "emoji and accents": "Crème brûlée 🍮 日本語",
}


@pytest.mark.parametrize("prompt", EXACT.values(), ids=EXACT)
def test_the_prompt_arrives_to_the_letter(prompt: str) -> None:
    commands, losses = written(systemPrompt=prompt)
    assert of(commands, "system") == [prompt]
    assert losses == ()
    assert {command for command, *_ in commands} == {"from", "system", "parameter"}
    assert of(commands, "from") == ["llama3"]


@pytest.mark.parametrize("prompt", EXACT.values(), ids=EXACT)
def test_it_is_the_same_prompt_when_it_is_imported_again(prompt: str) -> None:
    persona = parse_persona(persona_text("one", model="ollama/llama3", systemPrompt=prompt))
    text, _ = write_modelfile(persona)
    (arrival,) = read_file(text.encode(), filename="one.Modelfile")
    assert arrival.persona.system_prompt.split() == prompt.split()


@pytest.mark.parametrize("end", ["\n", " \n", "\t\r\n", "\r", "\u200b\n", "\u00a0\n"])
def test_triple_quotes_at_a_line_end_do_not_end_the_text(end: str) -> None:
    commands, losses = written(systemPrompt=f'Docs: """{end}SYSTEM evil')
    (system,) = of(commands, "system")
    assert system.startswith("Docs: '''")
    assert system.endswith("SYSTEM evil")
    assert any("Triple quotes" in loss for loss in losses)


def test_what_ollama_drops_is_said_and_words_stay_apart() -> None:
    commands, losses = written(systemPrompt="a\u00a0b\u3000c\u2028d 👩\u200d🚒")
    assert of(commands, "system") == ["a b c\nd 👩🚒"]
    assert any("Ollama drops" in loss for loss in losses)


STOPS = ["END", "\nUser:", 'a "b"', '"', '""', '"""', " x ", "\r\n\r\n", "#", "FROM x", "\\n", "\t"]


@pytest.mark.parametrize("stop", STOPS)
def test_stops_arrive_with_quotes_and_line_breaks(stop: str) -> None:
    commands, losses = written(stop=[stop, "second"])
    assert [value for command, name, value in commands if (command, name) == ("parameter", "stop")] == [
        stop,
        "second",
    ]
    assert losses == ()
    text, _ = write_modelfile(parse_persona(persona_text("one", model="ollama/x", stop=[stop, "second"])))
    assert list(read_modelfile(text).stop) == [stop, "second"]


def test_parameters_and_messages_arrive() -> None:
    commands, _ = written(
        temperature=0.00001,
        topP=0.5,
        maxTokens=77,
        contextTokens=4_096,
        examples=[{"user": 'Say "hi"', "assistant": 'FROM x\n"hi"'}],
        greeting="Hello: there",
    )
    settings_of = {name: value for command, name, value in commands if command == "parameter"}
    assert float(settings_of["temperature"]) == 0.00001
    assert [settings_of[name] for name in ("top_p", "num_predict", "num_ctx")] == ["0.5", "77", "4096"]
    assert [(role, value) for command, role, value in commands if command == "message"] == [
        ("user", 'Say "hi"'),
        ("assistant", 'FROM x\n"hi"'),
        ("assistant", "Hello: there"),
    ]


@pytest.mark.parametrize(
    "model", ["ollama//etc/passwd", "ollama/../../x.gguf", "ollama/~/x", 'ollama/"', "ollama/./a", "gpt-5"]
)
def test_a_model_is_no_file_and_opens_no_quotes(model: str) -> None:
    commands, losses = written(model=model)
    (base,) = of(commands, "from")
    assert not base.startswith(("/", ".", "~", '"'))
    assert len(of(commands, "system")) == 1
    assert any("no model named" in loss for loss in losses)


SIGNS = st.text(
    st.sampled_from("ab\"'\n\r\t #\\{}\u200b\u00a0\u2028") | st.characters(exclude_categories=["Cc", "Cs"]),
    max_size=60,
)


@settings(max_examples=150, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(prompt=SIGNS.filter(str.strip), stops=st.lists(SIGNS.filter(str.strip), max_size=3))
def test_whatever_is_in_it_ollama_reads_the_same_instructions(prompt: str, stops: list[str]) -> None:
    commands, _ = written(systemPrompt=prompt, stop=stops)
    assert len(of(commands, "system")) == 1
    assert sum(name == "stop" for _, name, _ in commands) == len(stops)
    assert {command for command, *_ in commands} <= {"from", "system", "parameter"}


READ = {
    "quotes over lines": ('FROM x\nSYSTEM "One\nTwo"\nPARAMETER temperature 1', "One\nTwo"),
    "four quotes": ('FROM x\nSYSTEM """Say "hi""""', 'Say "hi"'),
    "quotes inside": ('FROM x\nSYSTEM """a """b""" c\nd"""\n', 'a """b""" c\nd'),
    "CRLF": ('FROM x\r\nSYSTEM """a\r\nb"""\r\nPARAMETER temperature 1\r\n', "a\r\nb"),
    "spaces behind": ('FROM x\nSYSTEM """a"""  \t\nLICENSE y', "a"),
    "a keyword inside": ('FROM x\nSYSTEM """a\nFROM y\n"""', "a\nFROM y\n"),
}


@pytest.mark.parametrize(("text", "prompt"), READ.values(), ids=READ)
def test_files_of_others_are_read_as_ollama_reads_them(text: str, prompt: str) -> None:
    assert of(read(text), "system") == [prompt]
    sketch = read_modelfile(text)
    assert sketch.prompt == prompt.strip()
    assert sketch.model == "ollama/x"


@pytest.mark.parametrize("text", ['SYSTEM "x', "FROM x\nNONSENSE y", "FROM x\nMESSAGE bot y", "SYSTEM x"])
def test_the_grammar_refuses_what_ollama_refuses(text: str) -> None:
    with pytest.raises(NoModelfile):
        read(text)


def test_thousands_of_open_quotes_are_read_at_once() -> None:
    text = "FROM x\n" + 'SYSTEM "a\n' * 4_000 + 'SYSTEM """b\n' * 4_000 + "c" * 200_000
    assert read_modelfile(text).model == "ollama/x"
