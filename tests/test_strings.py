"""What a person reads is gathered for review, wherever in the source it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import strings

SOURCE = '''
"""A module's docstring is for its readers alone."""

LABELS = {"a": "Try again", "b": "no_words_here", "c": "Save"}
_QUERY = text("SELECT this FROM that")


def drawn(name: str, *, limit: int = 3) -> str:
    """So is a function's."""
    st.button("Send it now", help=f"To {name}, and " "at most " f"{limit} others.")
    raise Refused("It went wrong.", hint="Do it again." if name else "Stop here.")
'''


def test_the_review_is_up_to_date() -> None:
    fresh = strings.REVIEW.read_text("utf-8") == strings.review()
    assert fresh, "run: uv run python tests/strings.py"


def test_words_are_found_wherever_they_stand_and_nothing_else(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(SOURCE, "utf-8")
    assert [text for _, text in strings.texts(module)] == [
        "Try again",
        "Save",
        "Send it now",
        "To {name}, and at most {limit} others.",
        "It went wrong.",
        "Do it again.",
        "Stop here.",
    ]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("personachat/ui/page_behaviour/assets/speech.js", "The reply failed."),  # read out by a script
        ("personachat/api/docs.html", "Loading the description…"),  # a page that is no Python
        ("personachat/api/docs.html", "Send"),  # a button that its script makes
        ("personachat/cli/options.py", "The folder with persona files. Overrides the setting."),  # --help
        (
            "personachat/api/personas/personas.py",
            "Same as `DELETE /personas/{id}`.",
        ),  # a docstring of the API
        ("personachat/personas/problems.py", "a number without quotes"),  # a part of a sentence
    ],
)
def test_every_kind_of_source_is_read(source: str, shown: str) -> None:
    assert shown in [text for _, text in strings.texts(strings.ROOT / source)]


def test_no_text_uses_words_that_a_reader_stumbles_over() -> None:
    """Each has a plain form: fix, the limit is 80, does not exist or was deleted, unpaired surrogate."""
    stilted = re.compile(
        r"\bmend(ed|s)?\b|\b(is|are) the (most|least)\b(?! \w)|\bor no longer\b|\bhalf (a )?characters?\b"
        r"|\bdoes not exist, or\b|\bhas a fault of its own\b|\bno more requests just now\b|\bfor good\b"
    )
    found = [
        f"{path.relative_to(strings.ROOT)}:{line}: {text}"
        for path in strings.sources()
        for line, text in strings.texts(path)
        if stilted.search(re.sub(r"\{[^{}]*\}", "", text))
    ]
    assert found == []
