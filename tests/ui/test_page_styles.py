"""The style sheet of the pages: how much of a page a rule makes the browser look through again."""

from __future__ import annotations

import re

import pytest

from personachat.ui import page_behaviour

SHEET = page_behaviour.ASSETS / "page.css"

ARGUMENT = r"(?:[^(){}]|\((?:[^(){}]|\([^(){}]*\))*\))*"
FAR_REACHING = {
    "about the whole page": rf"\b(?:body|html)[^\s,{{]*:has\({ARGUMENT}\)",
    "about everything inside": rf":has\({ARGUMENT}\)\s*>?\s*(?::not\(|\*)",
    "about what the pointer is over": rf":is\({ARGUMENT}:hover{ARGUMENT}:has\(",
}
"""With each of these a row of a list that comes or goes takes 50 times as long (measured in Chromium)."""


@pytest.mark.parametrize("pattern", FAR_REACHING.values(), ids=FAR_REACHING.keys())
def test_no_rule_with_has_reaches_far(pattern: str) -> None:
    rules = re.sub(r"/\*.*?\*/", "", SHEET.read_text("utf-8"), flags=re.DOTALL)

    assert re.findall(pattern, rules) == []
