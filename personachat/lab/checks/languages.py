"""The language of a text, without any request: by py3langid, whose model is part of the package.

Short texts say little. If another language is only slightly more likely than the expected one, the expected
one is taken: a check must not fail because "Ja." is also Finnish.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from unicodedata import name

from personachat.lab.checks.code_blocks import without_code
from personachat.lab.checks.model import CheckedReply, Finding

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

USUAL = frozenset(
    {
        "ar",
        "bg",
        "bn",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "eu",
        "fa",
        "fi",
        "fr",
        "ga",
        "gl",
        "gu",
        "he",
        "hi",
        "hr",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ja",
        "ka",
        "kn",
        "ko",
        "lt",
        "lv",
        "mk",
        "ml",
        "mr",
        "ms",
        "ne",
        "nl",
        "no",
        "pa",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "sw",
        "ta",
        "te",
        "th",
        "tl",
        "tr",
        "uk",
        "ur",
        "vi",
        "zh",
    }
)
"""The languages that can be distinguished."""

CLEAR = 10.0
"""How much the logarithm of the likelihood must differ for one language to be more likely."""

MOST_CHARACTERS = 20_000
MOST_SHORT, MOST_NAMES, MOST_ABBREVIATION = 60, 1_000, 6
_LETTERS = re.compile(r"[^\W\d_]+")
_NOT_WORDS = re.compile(r"```.*?(?:```|\Z)|https?://\S+|\$\$.*?\$\$", re.DOTALL)
_BETWEEN_NAMES = re.compile(r"[,;/\n\u2022]+")
_NAME = re.compile(r"(?:[-*]|\d+\.)?\s*(?:[^\W\d_][\w.'\u2019-]*\s+){0,3}[^\W\d_][\w.'\u2019-]*[.!]?")
_ALIKE = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "fil": "tl"}
_SCRIPTS = {
    **dict.fromkeys(("ar", "fa", "ur"), "ARABIC"),
    **dict.fromkeys(("bg", "mk", "ru", "uk"), "CYRILLIC"),
    **dict.fromkeys(("hi", "mr", "ne"), "DEVANAGARI"),
    "bn": "BENGALI",
    "el": "GREEK",
    "gu": "GUJARATI",
    "he": "HEBREW",
    "hy": "ARMENIAN",
    "ja": "HIRAGANA|KATAKANA|HALFWIDTH KATAKANA|CJK",
    "ka": "GEORGIAN",
    "kn": "KANNADA",
    "ko": "HANGUL",
    "ml": "MALAYALAM",
    "pa": "GURMUKHI",
    "ta": "TAMIL",
    "te": "TELUGU",
    "th": "THAI",
    "zh": "CJK",
}
"""How the Unicode names of a language's letters begin, if it isn't written in Latin ones."""
_SCRIPT_NAMES = {"ja": "Japanese", "zh": "Chinese", "ko": "Korean"}


def language(reply: CheckedReply, expected: str) -> Finding:
    text = _words(reply.text)
    code = _ALIKE.get(expected, expected)
    if not any(each.isalpha() for each in text):
        return Finding("fail", "There are no words outside of code.")
    ranked = _ranked(text)
    if code not in ranked:
        return Finding("error", f'The language "{expected}" isn\'t known; use a code such as en, de or ja.')
    if not _has_script(text, code):
        return _in_another_script(text, expected, code)
    return _in_its_script(text, expected, code, ranked)


def _in_its_script(text: str, expected: str, code: str, ranked: dict[str, float]) -> Finding:
    best = max(ranked, key=lambda each: ranked[each])
    if best == code:
        return Finding("pass", f"It is in {expected}.")
    if ranked[best] - ranked[code] <= CLEAR and len(text) < MOST_SHORT:
        return Finding("pass", f"It is too short to tell {expected} from {best}.")
    if _is_list_of_names(text) and not {code, best} & set(_SCRIPTS):
        return Finding("pass", f"Names alone don't tell {expected} from {best}.")
    return Finding("fail", f"It is in {best}, not in {expected}.")


def _in_another_script(text: str, expected: str, code: str) -> Finding:
    """Abbreviations such as OK are the same everywhere."""
    if text.isupper() and len(text) < MOST_ABBREVIATION:
        return Finding("pass", f"It is too short to tell whether it is in {expected}.")
    script = _SCRIPT_NAMES.get(code, _SCRIPTS[code].capitalize())
    return Finding("fail", f"It has no {script} letters.")


def _has_script(text: str, code: str) -> bool:
    """Whether there is a letter of the language's script. Serbian has two scripts."""
    begins = tuple(_SCRIPTS.get(code, "").split("|"))
    return any(name(each, "").startswith(begins) for each in text if each.isalpha())


def _is_list_of_names(text: str) -> bool:
    """Whether it is three or more consecutive names: they are the same in many languages."""
    if len(text) > MOST_NAMES:
        return False
    parts = [each.strip() for each in _BETWEEN_NAMES.split(text) if each.strip()]
    return len(parts) >= 3 and all(
        _NAME.fullmatch(part) and all(word[0].isupper() for word in _LETTERS.findall(part)) for part in parts
    )


def language_of(text: str) -> str:
    """The most likely language of a text; English if nothing indicates any."""
    ranked = _ranked(_words(text))
    best = max(ranked, key=lambda code: ranked[code])
    return best if ranked[best] - ranked["en"] > CLEAR else "en"


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", without_code(text[:MOST_CHARACTERS])).strip()


def _ranked(text: str) -> dict[str, float]:
    return {code: float(likelihood) for code, likelihood in _identifier().rank(text)}


@cache
def _identifier() -> LanguageIdentifier:
    """Loaded once, when the first check needs it; takes half a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  # loaded where it is used

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(sorted(USUAL.intersection(identifier.nb_classes)))
    return identifier
