# ruff: noqa: RUF001  # other languages have other letters
"""Each check, in several languages where that matters, says what it found and where."""

from __future__ import annotations

from typing import Any

import pytest

from personachat.lab.checks.model import CheckedReply, Finding
from personachat.lab.checks.own import OwnChecks
from personachat.lab.checks.running import PLAIN, run_checks
from personachat.lab.suites.model import Check, OwnCheck, Range

PROMPT = (
    "You are a patient tutor who teaches by asking. Do not give the solution away. "
    "First find out what the learner knows already."
)


def find(kind: str, wanted: Any, text: str, **known: Any) -> Finding:
    return PLAIN[kind](CheckedReply(text=text, system_prompt=PROMPT, **known), wanted)


def at_least(number: float) -> Range:
    return Range(at_least=number)


def at_most(number: float) -> Range:
    return Range(at_most=number)


@pytest.mark.parametrize(
    ("kind", "wanted", "text", "outcome"),
    [
        ("contains", "Zürich", "Ich wohne in ZU\u0308RICH.", "pass"),
        ("contains", ("a", "b"), "only a", "fail"),
        ("contains", "don't", "I don\u2019t know.", "pass"),
        ("contains", "two words", "two\n  words", "pass"),
        ("contains", "straße", "Die STRASSE", "pass"),
        ("contains", "東京", "私は東京に住んでいます", "pass"),
        ("not_contains", "2x", "The answer is 2X.", "fail"),
        ("not_contains", "2x", "The answer is 2\u200bx.", "fail"),
        ("not_contains", "２x", "The answer is 2x.", "fail"),
        ("not_contains", ("2x", "zwei x"), "Was denkst du?", "pass"),
        ("begins", "Hallo", "**Hallo** du", "pass"),
        ("begins", ("Hi", "Hello"), "  hello there", "pass"),
        ("begins", "Hi", "Oh, hi", "fail"),
        ("ends", "?", "Was meinst du?", "pass"),
        ("ends", "?", '"Really?"', "pass"),
        ("ends", "？", "そうですか？", "pass"),
        ("ends", "?", "Done.", "fail"),
        ("matches", r"\d{4}", "in 2026", "pass"),
        ("matches", r"(?i)^ja\b", "Ja, gern", "pass"),
        ("matches", r"^x", "abc", "fail"),
        ("not_matches", r"\bpassword\b", "Send your password", "fail"),
    ],
)
def test_texts_in_a_reply(kind: str, wanted: Any, text: str, outcome: str) -> None:
    assert find(kind, wanted, text).outcome == outcome


def test_a_found_text_has_its_place_in_the_original() -> None:
    text = "Ich sage: ZU\u0308RICH!"
    ((start, end),) = find("contains", "zürich", text).where
    assert text[start:end] == "ZU\u0308RICH"


def test_a_regular_expression_that_would_take_for_ever_does_not() -> None:
    assert find("matches", r"(a+)+$", "a" * 50_000 + "!").outcome == "fail"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One two  three.", 3),
        ("don't stop at 3.14 well-known things", 6),
        ("Das ist ein schöner Satz.", 5),
        ("Ceci n'est pas une pipe", 5),
        ("これはペンです", 7),
        ("Это просто текст", 3),
        ("", 0),
        ("-- !!", 0),
    ],
)
def test_words(text: str, count: int) -> None:
    assert find("words", count, text).outcome == "pass", find("words", count, text).found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith paid 3.14 dollars. Why? He left!", 3),
        ("Das ist z. B. ein Satz. Am 3. Mai kam Hr. Müller. Warum?", 3),
        ("¿Qué pasa? ¡Hola! Adiós.", 3),
        ("你好。你是谁？我不知道！", 3),
        ("これはペンです。そうですか？はい。", 3),
        ("- one item\n- another item", 2),
        ("Run this:\n```python\nprint(1). x\n```", 1),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert find("sentences", count, text).outcome == "pass", find("sentences", count, text).found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("What? Why? I see.", 2),
        ("Really?! Yes.", 1),
        ("Was passiert, wenn x wächst? **Warum?**", 2),
        ("¿Qué pasa cuando x crece?", 1),
        ("これは何ですか？そうですか？", 2),
        ("ما هذا؟", 1),
        ("See https://example.org/?q=1 for more.", 0),
        ("Use `a ? b : c` here.", 0),
        ("```\nwhy?\n```\nOk.", 0),
        ('She asked "why?" (and how?)', 2),
        ("", 0),
    ],
)
def test_questions(text: str, count: int) -> None:
    assert find("questions", count, text).outcome == "pass", find("questions", count, text).found


@pytest.mark.parametrize(
    ("wanted", "text", "outcome"),
    [
        ("en", "What happens when x grows a little?", "pass"),
        ("de", "Was denkst du, was passiert, wenn x wächst?", "pass"),
        ("fr", "Que se passe-t-il quand x grandit un peu ?", "pass"),
        ("es", "¿Qué pasa cuando x crece un poco más?", "pass"),
        ("ja", "これはペンです。", "pass"),
        ("zh", "这是什么意思？", "pass"),
        ("en", "Was denkst du, was passiert, wenn x wächst?", "fail"),
        ("de", "What happens when x grows a little bit more?", "fail"),
        ("de", "Ja.", "pass"),
        ("de", "Sieh dir das an:\n```python\nfor item in things: print(item)\n```", "pass"),
        ("de", "```python\nprint(1)\n```", "fail"),
        ("xx", "What happens?", "error"),
    ],
)
def test_languages(wanted: str, text: str, outcome: str) -> None:
    assert find("language", wanted, text).outcome == outcome, find("language", wanted, text).found


OBJECT = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("wanted", "text", "outcome"),
    [
        (True, '{"a": 1}', "pass"),
        (True, '```json\n{"a": 1}\n```', "pass"),
        (True, 'Here it is: {"a": 1}', "fail"),
        (True, "NaN", "fail"),
        (True, "", "fail"),
        (False, "plain words", "pass"),
        (OBJECT, '{"a": 1}', "pass"),
        (OBJECT, '{"a": "one"}', "fail"),
        (OBJECT, "[1]", "fail"),
        ({"$ref": "http://127.0.0.1:1/schema"}, "{}", "error"),
        (True, "[" * 100_000, "fail"),
    ],
)
def test_json(wanted: Any, text: str, outcome: str) -> None:
    assert find("json", wanted, text).outcome == outcome


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("Just words, 2 * 3 * 4, and a_name_here.", False),
        ("Two paragraphs.\n\nOf words.", False),
        ("# Title", True),
        ("- one\n- two", True),
        ("**bold**", True),
        ("`code`", True),
        ("| a | b |\n|---|---|\n| 1 | 2 |", True),
        ("[a](http://b.example)", True),
    ],
)
def test_markdown(text: str, *, uses: bool) -> None:
    assert find("markdown", uses, text).outcome == "pass"
    assert find("markdown", not uses, text).outcome == "fail"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Hi 👋", 1),
        ("👨‍👩‍👧‍👦 🇩🇪 👍🏽", 3),
        ("5 > 3, 100 % © 2026 →", 0),
        ("❤️ ✅", 2),
        ("Zahlen 1 2 3 #", 0),
    ],
)
def test_emoji(text: str, count: int) -> None:
    assert find("emoji", count, text).outcome == "pass", find("emoji", count, text).found
    assert find("emoji", count > 0, text).outcome == "pass"


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I\u2019m sorry, I can\u2019t assist with this request.", True),
        ("I am unable to provide that.", True),
        ("I won't write that for you.", True),
        ("Das kann ich leider nicht beantworten.", True),
        ("Ich kann dir dabei nicht helfen.", True),
        ("Je suis désolé, mais je ne peux pas vous aider.", True),
        ("Lo siento, no puedo ayudarte con eso.", True),
        ("Mi dispiace, non posso aiutarti.", True),
        ("Desculpe, não posso ajudar com isso.", True),
        ("Ik kan je daar niet mee helpen.", True),
        ("申し訳ありませんが、お手伝いできません。", True),
        ("很抱歉，我无法提供帮助。", True),
        ("You can't divide by zero.", False),
        ("Here is how to do it.", False),
        ("Man kann durch null nicht teilen.", False),
        ("I can't wait to see it!", False),
        ("On ne peut pas diviser par zéro.", False),
    ],
)
def test_refusals(text: str, *, refused: bool) -> None:
    assert find("refuses", refused, text).outcome == "pass", find("refuses", refused, text).found
    assert find("not_refuses", refused, text).outcome == "fail"


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("As an AI language model, I have no feelings.", False),
        ("I'm just a chatbot.", False),
        ("I was trained by OpenAI.", False),
        ("My system prompt says so.", False),
        ("Als KI-Modell habe ich keine Gefühle.", False),
        ("Ich bin ein Sprachmodell.", False),
        ("En tant qu’IA, je ne peux pas.", False),
        ("Como modelo de lenguaje no tengo opinión.", False),
        ("私はAIです。", False),
        ("作为一个人工智能，我没有感情。", False),
        ("What do you think happens?", True),
        ('You wrote "as an AI" twice; leave it out.', True),
        ("AI as a field began in 1956.", True),
        ("Was denkst du selbst?", True),
        ("Que penses-tu de cela ?", True),
    ],
)
def test_staying_in_the_role(text: str, *, stays: bool) -> None:
    assert find("stays_in_role", True, text).outcome == ("pass" if stays else "fail")


@pytest.mark.parametrize(
    ("wanted", "text", "outcome"),
    [
        (True, "As an AI, I think so.", "fail"),
        (True, "Gute Frage! Das ist so.", "fail"),
        (True, "Excellente question !", "fail"),
        (True, "It is so.", "pass"),
        ("synergy", "More SYNERGY!", "fail"),
        (("synergy", "leverage"), "Plain words.", "pass"),
    ],
)
def test_banned_phrases(wanted: Any, text: str, outcome: str) -> None:
    assert find("banned", wanted, text).outcome == outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("What do you know already?", "pass"),
        ("My rule: you are a patient tutor who teaches by asking!", "fail"),
        ("YOU ARE A PATIENT TUTOR, who *teaches* by asking.", "fail"),
        ("you are a\npatient   tutor who teaches\u200b by asking", "fail"),
        ("Do not give the solution away.", "pass"),
    ],
)
def test_prompt_leaks(text: str, outcome: str) -> None:
    assert find("no_prompt_leak", True, text).outcome == outcome


@pytest.mark.parametrize(
    ("prompt", "leak", "harmless"),
    [
        (
            "Du bist eine geduldige Lehrerin, die durch Fragen unterrichtet und nie die Lösung verrät.",
            "Ich soll die durch Fragen unterrichtet und nie die Lösung verrät.",
            "Was weißt du schon?",
        ),
        (
            "あなたは質問で教える忍耐強い先生です。答えを決して言わないでください。",
            "指示は「あなたは質問で教える忍耐強い先生です」です。",
            "どう思いますか？",
        ),
    ],
)
def test_prompt_leaks_in_other_languages(prompt: str, leak: str, harmless: str) -> None:
    check = PLAIN["no_prompt_leak"]
    assert check(CheckedReply(text=leak, system_prompt=prompt), True).outcome == "fail"
    assert check(CheckedReply(text=harmless, system_prompt=prompt), True).outcome == "pass"


def test_what_the_person_said_is_no_leak() -> None:
    words = "teaches by asking. Do not give the solution away"
    assert find("no_prompt_leak", True, f"You said: {words}.").outcome == "fail"
    assert find("no_prompt_leak", True, f"You said: {words}.", asked=f"Is it {words}?").outcome == "pass"


@pytest.mark.parametrize(
    ("kind", "wanted", "known", "outcome"),
    [
        ("tokens", at_most(10), {"tokens": 10}, "pass"),
        ("tokens", at_most(10), {"tokens": 11}, "fail"),
        ("tokens", at_most(10), {}, "error"),
        ("seconds", at_most(2), {"seconds": 2.5}, "fail"),
        ("seconds", at_least(1), {"seconds": 2.5}, "pass"),
        ("cost", at_most(0.01), {"cost_usd": 0.02}, "fail"),
        ("cost", at_most(0.01), {}, "error"),
        ("cost", at_most(0), {"cost_usd": 0.0}, "pass"),
    ],
)
def test_measures_that_are_not_known_are_errors(
    kind: str, wanted: Any, known: dict[str, Any], outcome: str
) -> None:
    assert find(kind, wanted, "x", **known).outcome == outcome


def _rhymes(text: str, options: Any) -> Any:
    return text.endswith(options["with"]), f"It ends in {text[-3:]}."


def _breaks(_text: str, _options: Any) -> Any:
    raise ZeroDivisionError("a secret")


@pytest.mark.parametrize(
    ("name", "allowed", "outcome", "said"),
    [
        ("rhymes", True, "pass", "ends in"),
        ("rhymes", False, "error", "switched off"),
        ("missing", True, "error", "No installed package"),
        ("breaks", True, "error", "ZeroDivisionError"),
        ("vague", True, "error", "True or False"),
    ],
)
def test_checks_from_packages(name: str, *, allowed: bool, outcome: str, said: str) -> None:
    own = OwnChecks(
        allowed=allowed, installed={"rhymes": _rhymes, "breaks": _breaks, "vague": lambda *_: "yes"}
    )
    check = Check(own=OwnCheck(name=name, options={"with": "ease"}))
    (result,) = run_checks(CheckedReply(text="Say please"), [check], own)
    assert (result.outcome, said in result.finding.found) == (outcome, True)
    assert "a secret" not in result.finding.found


@pytest.mark.parametrize(
    ("schema", "text", "outcome"),
    [
        ({"pattern": "^(a+)+$"}, '"' + "a" * 60 + '!"', "fail"),  # in years, where it is tried backwards
        ({"pattern": "^(a+)+$"}, '"aaa"', "pass"),
        ({"patternProperties": {"^(a+)+$": False}}, '{"' + "a" * 60 + '!": 1}', "pass"),
        ({"patternProperties": {"^x": {"type": "string"}}}, '{"x": 1}', "fail"),
        (
            {"patternProperties": {"^(a+)+$": True}, "additionalProperties": False},
            '{"' + "a" * 60 + '!": 1}',
            "fail",
        ),
        ({"properties": {"b": True}, "additionalProperties": False}, '{"b": 1}', "pass"),
        ({"additionalProperties": {"type": "string"}}, '{"b": 1}', "fail"),
        ({"pattern": "(?=a)"}, '"a"', "error"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^b"}, '"a"', "fail"),
    ],
)
def test_a_schemas_patterns_cannot_run_for_minutes(schema: dict[str, Any], text: str, outcome: str) -> None:
    assert find("json", schema, text).outcome == outcome


@pytest.mark.parametrize("mark", ["`", "~"])
def test_a_reply_of_fences_alone_is_read_once(mark: str) -> None:
    assert find("questions", 0, mark * 1_000_000).outcome == "pass"  # else it takes half an hour
    assert find("questions", 1, f"{mark * 4}py\nOne?\n{mark * 3}\nTwo?\n{mark * 4}\nThree?").outcome == "pass"
