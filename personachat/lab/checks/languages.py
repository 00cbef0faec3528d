"""Which language a text is in, without asking anybody: by py3langid, whose model is part of the package.

Short texts say little. Where another language is only a little likelier than the wanted one, the wanted one
is taken: a check must not fail because "Ja." is also Finnish.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

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
        "nb",
        "ne",
        "nl",
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
"""The languages that are told apart."""

CLEAR = 10.0
"""By how much the logarithm of the likelihood has to differ for one language to be the likelier one."""

MOST_CHARACTERS = 20_000
_NOT_WORDS = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\$\$.*?\$\$", re.DOTALL)
_SAME = {"no": "nb", "iw": "he", "in": "id", "fil": "tl"}


def language(reply: CheckedReply, expected: str) -> Finding:
    text = _words(reply.text)
    expected = _SAME.get(expected, expected)
    if not any(each.isalpha() for each in text):
        return Finding("fail", "There are no words outside of code.")
    ranked = _ranked(text)
    if expected not in ranked:
        return Finding("error", f'The language "{expected}" isn\'t known; use a code such as en, de or ja.')
    best = max(ranked, key=lambda code: ranked[code])
    if best == expected:
        return Finding("pass", f"It is in {expected}.")
    if ranked[best] - ranked[expected] <= CLEAR and len(text) < 60:
        return Finding("pass", f"It is too short to tell {expected} from {best}.")
    return Finding("fail", f"It is in {best}, not in {expected}.")


def language_of(text: str) -> str:
    """The language that a text is most likely in; English where nothing says."""
    ranked = _ranked(_words(text))
    best = max(ranked, key=lambda code: ranked[code])
    return best if ranked[best] - ranked["en"] > CLEAR else "en"


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", text[:MOST_CHARACTERS]).strip()


def _ranked(text: str) -> dict[str, float]:
    return {code: float(likelihood) for code, likelihood in _identifier().rank(text)}


@cache
def _identifier() -> LanguageIdentifier:
    """Loaded once, when the first check needs it; half a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  # loaded where it is used

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(sorted(USUAL.intersection(identifier.nb_classes)))
    return identifier
