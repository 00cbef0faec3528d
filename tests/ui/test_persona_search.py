"""One search for every list of personas: the page, the picker, the API and MCP."""

from __future__ import annotations

import json

import pytest

from personachat.api.mcp.tools import search_results
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.search import SearchText, matching
from personachat.personas.store.base import StoredPersona
from personachat.services import Services
from personachat.ui.chat import persona_finder
from personachat.ui.personas.rows import ListFilter, filtered_rows, rows
from tests.api.conftest import served
from tests.conftest import persona_text

TEXTS = {
    "cook": persona_text("cook", name="Cook", systemPrompt="You once were a Roman Jurist."),
    "jurist": persona_text("jurist", name="Roman", description="Knows the law", tags=["Forum"]),
    "poet": persona_text("poet", name="Poet", systemPrompt="You write."),
}

SEARCHES = [
    ("ROMAN", ["jurist", "cook"]),
    ("law roman", ["jurist"]),
    ("roman jurist", ["jurist", "cook"]),
    ("forum  write", []),
    ("once cook", ["cook"]),
    ("  ", ["cook", "jurist", "poet"]),
]


def stored() -> list[StoredPersona]:
    return [StoredPersona(parse_persona(text), text, "1") for text in TEXTS.values()]


@pytest.mark.parametrize(("query", "hits"), SEARCHES)
def test_a_search_means_the_same_in_every_list(query: str, hits: list[str]) -> None:
    there = stored()
    personas = {each.id: each.persona for each in there}

    assert [each.id for each in filtered_rows(rows(there, {}), ListFilter(query=query))] == hits
    assert persona_finder.matching_ids(personas, query) == hits
    told = search_results(there, query, labels={}).structured_content
    assert told is not None
    assert [each["id"] for each in told["personas"]] == hits


def test_the_api_finds_the_same_in_the_order_of_its_list(services: Services) -> None:
    for text in TEXTS.values():
        services.personas.save(text)
    with served(services) as client:
        for query, hits in SEARCHES:
            listed = client.get("/personas", params={"q": query}).json()
            by_name = sorted(hits, key=lambda each: str(json.loads(TEXTS[each])["name"]))
            assert [each["id"] for each in listed if each["id"] in TEXTS] == by_name


def test_what_only_a_prompt_says_comes_after_all_else() -> None:
    def text(persona: Persona) -> SearchText:
        return SearchText.of(persona)

    personas = [parse_persona(each) for each in TEXTS.values()]
    assert [json.loads(TEXTS[each.id])["name"] for each in matching(personas, "roman", text=text)] == [
        "Roman",
        "Cook",
    ]
