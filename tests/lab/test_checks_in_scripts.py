# ruff: noqa: RUF001  # other languages have other letters
"""What checks say of texts that aren't written as English is: signs within words, other marks and quotes."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

import pytest
from streamlit.emojis import ALL_EMOJIS

from personachat.lab.checks.counting import sentences_of
from tests.lab.test_checks import find


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("السَّلَامُ عَلَيْكُم", 2),
        ("שָׁלוֹם עולם", 2),
        ("نمی\u200cخواهم بروم", 2),
        ("Donau\u00addampf\u00adschiff", 1),
        (normalize("NFD", "schöne Übergröße"), 2),
        (normalize("NFD", "がぎ"), 2),
        ("٣٫١٤", 1),
        ("नमस्ते दुनिया।", 2),
        ("カレー・ライス", 6),
        ("gut 👍🏽", 1),
    ],
)
def test_words_with_signs_are_whole(text: str, count: int) -> None:
    assert find("words", count, text).outcome == "pass", find("words", count, text).found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Wirklich?🙂", 1),
        ("Er fragte: „Wirklich?“", 1),
        ("»Wirklich?«", 1),
        ("Was? Das, warum?, und wie?…", 3),
        ("どう思いますか。", 1),
        ("なぜでしょうか\nそうです。", 1),
        ("しかし、これだけしかありません。", 0),
        ("本当？😀", 1),
        ("Τι κάνεις; Καλά.", 1),
        ("هل أنت بخير؟», قال", 1),
        ("Ինչպե՞ս ես", 1),
        ("Why?<br>", 1),
        ("https://example.org/?q=1&r=x?y", 0),
        ("1. Try:\n   ```js\n   a ? b : c; why?\n   ```\n   Did it work?", 1),
        ("> ~~~\n> why?\n> ~~~\n\nOk.", 0),
    ],
)
def test_questions_with_other_marks(text: str, count: int) -> None:
    assert find("questions", count, text).outcome == "pass", find("questions", count, text).found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("「はい。」と言った。それから帰った。", 2),
        ("هذا كتاب. وهذا قلم؟ نعم!", 3),
        ("यह किताब है। वह कलम है।", 2),
        ("Am 3. Oktober kam Dr. Meier. „Ja.“ sagte er.", 2),
    ],
)
def test_sentences_with_quotations_and_other_marks(text: str, count: int) -> None:
    assert len(sentences_of(text)) == count, sentences_of(text)


def test_every_emoji_is_one() -> None:
    """But for signs such as ✉ that are text unless a selector behind them says otherwise."""
    sure = [each for each in sorted(ALL_EMOJIS) if "\ufe0f" in each or each >= "\U0001f000"]
    assert len(sure) > 3_000
    assert [each for each in sure if find("emoji", 1, f"a{each}b").where != ((1, 1 + len(each)),)] == []


@pytest.mark.parametrize(
    ("kind", "wanted", "text", "outcome"),
    [
        ("contains", "が", normalize("NFD", "がんばれ"), "pass"),
        ("contains", "パン", "ﾊﾟﾝ", "pass"),
        ("contains", "한국", normalize("NFD", "한국어"), "pass"),
        ("contains", "محمد", "مُحَمَّد", "pass"),
        ("contains", "محمد", "محـــمد", "pass"),
        ("contains", "istanbul", "İSTANBUL", "pass"),
        ("contains", '"Ja"', "Er sagte „Ja“.", "pass"),
        ("contains", '"Oui"', "«Oui»", "pass"),
        ("not_contains", "geheim", "ge\u2066h\u2069eim", "fail"),
        ("begins", "Ja", "„Ja“, sagte er.", "pass"),
        ("begins", "はい", "「はい」です", "pass"),
        ("begins", "Hi", "\u202eHi", "pass"),
        ("ends", "はい", "『はい』", "pass"),
        ("contains", "か", "が", "fail"),
        ("contains", "a", "ä", "fail"),
    ],
)
def test_texts_are_compared_as_they_are_read(kind: str, wanted: Any, text: str, outcome: str) -> None:
    assert find(kind, wanted, text).outcome == outcome


def test_a_place_counts_the_signs_that_are_not_compared() -> None:
    text = "قال مُحَمَّد نعم"
    ((start, end),) = find("contains", "محمد", text).where
    assert text[start:end].strip() == "مُحَمَّد"


def test_thousands_of_accents_on_one_letter_take_no_time() -> None:
    text = "a" + "\u0301\u0327" * 50_000
    assert find("contains", "b", text).outcome == "fail"


@pytest.mark.parametrize(
    ("wanted", "text", "outcome"),
    [
        ("no", "Jeg vet ikke helt, men det høres ut som en god idé.", "pass"),
        ("nb", "Jeg vet ikke helt, men det høres ut som en god idé.", "pass"),
        ("no", "Ich weiß es nicht, aber das klingt nach einer guten Idee.", "fail"),
        ("ja", "Yes.", "fail"),
        ("hi", "Hello", "fail"),
        ("zh", "네", "fail"),
        ("ar", "OK", "pass"),
        ("ja", "OK!", "pass"),
        ("ja", "Pythonのfor文です", "pass"),
        ("ja", "了解", "pass"),
        ("ar", "👍 نعم", "pass"),
        ("en", "Paris, Lyon, Marseille, Toulouse, Nice, Nantes, Strasbourg", "pass"),
        ("de", "1. New York\n2. Los Angeles\n3. San Francisco\n4. St. Louis", "pass"),
        ("en", "Guten Tag, Herr Müller", "fail"),
        ("en", "Danke, ja, natürlich gern", "fail"),
        ("de", "~~~python\nfor x in the_quick_brown_fox: print('jumps over the dog')\n~~~\nFertig.", "pass"),
        (
            "de",
            "1. So:\n   ```\n   the quick brown fox jumps over it\n   ```\n   Fertig ist es.",
            "pass",
        ),
        ("de", "Die Funktion `get_user_by_name` gibt das Objekt zurück.", "pass"),
    ],
)
def test_languages_of_short_texts_names_and_code(wanted: str, text: str, outcome: str) -> None:
    assert find("language", wanted, text).outcome == outcome, find("language", wanted, text).found


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("عذرا، لا أستطيع مساعدتك في ذلك.", True),
        ("لا يمكنني تقديم هذه المعلومات.", True),
        ("هذا كتاب جميل.", False),
        ("Het spijt me, daar kan ik niet mee helpen.", True),
        ("I can't help but smile.", False),
        ("I can't tell you how much I like it.", False),
        ("I can't tell from here which one you mean.", False),
        ("I can't tell you that.", True),
    ],
)
def test_more_refusals(text: str, *, refused: bool) -> None:
    assert find("refuses", refused, text).outcome == "pass", find("refuses", refused, text).found


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("بصفتي نموذج لغوي، لا رأي لي.", False),
        ("أنا مجرد نموذجٌ لغويّ.", False),
        ("أنا ذكاء اصطناعي.", False),
        ("أنا معلم صبور.", True),
    ],
)
def test_leaving_the_role_in_arabic(text: str, *, stays: bool) -> None:
    assert find("stays_in_role", True, text).outcome == ("pass" if stays else "fail")


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("3. Oktober ist Feiertag in Deutschland.", False),
        ("1. Mai, Tag der Arbeit", False),
        ("1. eins\n2. zwei", True),
        ("3. **Oktober**", True),
        ("**太字**です", True),
    ],
)
def test_a_date_is_no_numbered_list(text: str, *, uses: bool) -> None:
    assert find("markdown", uses, text).outcome == "pass", find("markdown", uses, text).found
