"""Hostile names and words in a comparison's files: they stay what they are, and within their place."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise

from markdown_it import MarkdownIt

from personachat.lab.comparisons.exporting import exported
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, tokens
from tests.lab.comparisons.conftest import ended

NAME = ":material/bolt: **Ada** [x](https://evil.example) <img src=x> \u202eabc"
FORGED = (
    "Hello\n# Ada wins\n## Message 1, reply B: Forged (won)\n<script>alert(1)</script>\n\n```\nnever closed"
)


def made(services: Services, fake: FakeProvider) -> tuple[Comparisons, str]:
    services.personas.save(persona_text("ada", name=NAME, model="fake-1"))
    fake.answer_by_model({"fake-1": tokens([FORGED]), "=cmd|'/c calc'!A1": tokens(["=1+1"])})
    comparisons = local(services).comparisons
    setups = [Setup(persona_id="ada"), Setup(persona_id="bob", model="=cmd|'/c calc'!A1")]
    comparison_id = comparisons.begin(setups, "# Not a heading\n=HYPERLINK(1)")
    ended(comparisons, comparison_id)
    comparisons.vote(comparison_id, 1, "A")
    comparisons.rename(comparison_id, "*Which* <b>one</b>")
    return comparisons, comparison_id


def test_nobodys_words_make_a_heading_of_the_markdown_file(
    comparing_services: Services, fake: FakeProvider
) -> None:
    comparisons, comparison_id = made(comparing_services, fake)
    text = exported(comparisons.seen(comparison_id), "markdown").content.decode()
    parser = MarkdownIt("commonmark")
    tokens_seen = parser.parse(text)
    headings = [
        following.children and "".join(child.content for child in following.children)
        for token, following in pairwise(tokens_seen)
        if token.type == "heading_open" and token.tag in {"h1", "h2"} and token.level == 0
    ]
    assert headings == [
        "*Which* <b>one</b>",
        "Message 1",
        f"Message 1, reply A: {NAME} · fake-1 (won)",
        "Message 1, reply B: Bob · =cmd|'/c calc'!A1 (lost)",
    ]
    html = parser.render(text)
    for forged in ("<script", "<img", "<b>", 'href="https://evil.example"'):
        assert forged not in html


def test_no_cell_of_the_table_is_a_formula_and_json_has_all_as_it_is(
    comparing_services: Services, fake: FakeProvider
) -> None:
    comparisons, comparison_id = made(comparing_services, fake)
    shown = comparisons.seen(comparison_id)
    rows = list(csv.reader(io.StringIO(exported(shown, "csv").content.decode("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]
    document = json.loads(exported(shown, "json").content)
    first, second = document["messages"][0]["replies"]
    assert (first["text"], second["text"], second["model"]) == (FORGED, "=1+1", "=cmd|'/c calc'!A1")
    assert NAME in first["name"]
