"""Templates and the linter over real HTTP."""

from __future__ import annotations

import httpx2

from tests.api.test_api_personas import body
from tests.api.wire import problem_of


def test_shipped_templates_are_listed_and_read_whole(client: httpx2.Client) -> None:
    listed = client.get("/templates").json()["templates"]
    assert len(listed) >= 12
    assert not any(template["own"] for template in listed)
    one = client.get(f"/templates/{listed[0]['id']}").json()
    assert one["persona"]["systemPrompt"]
    assert {key: one[key] for key in listed[0]} == listed[0]
    saved = client.post("/personas", json=one["persona"] | {"id": "begun"})
    assert saved.status_code == 201


def test_templates_are_searched(client: httpx2.Client) -> None:
    everything = client.get("/templates").json()["templates"]
    name = everything[-1]["name"]
    found = client.get("/templates", params={"q": name.upper()}).json()["templates"]
    assert name in [template["name"] for template in found]
    assert client.get("/templates", params={"q": "zzzz"}).json() == {"templates": []}


def test_a_persona_becomes_a_template_of_ones_own(client: httpx2.Client) -> None:
    made = client.post("/templates", json={"personaId": "tester"})
    assert (made.status_code, made.json()["own"]) == (201, True)
    template_id = made.json()["id"]
    assert template_id in [each["id"] for each in client.get("/templates").json()["templates"] if each["own"]]
    assert client.delete(f"/templates/{template_id}").status_code == 204
    problem_of(client.get(f"/templates/{template_id}"), 404, "template_not_found")
    problem_of(client.post("/templates", json={"personaId": "nobody"}), 404, "persona_not_found")


def test_a_shipped_template_cannot_be_deleted(client: httpx2.Client) -> None:
    shipped = client.get("/templates").json()["templates"][0]["id"]
    problem_of(client.delete(f"/templates/{shipped}"), 404, "template_not_found")
    assert client.get(f"/templates/{shipped}").status_code == 200


def test_the_linter_says_what_would_hurt_and_what_a_message_takes(client: httpx2.Client) -> None:
    report = client.post("/personas/lint", json=body(systemPrompt="You are {{usr}}.")).json()
    (finding,) = [each for each in report["findings"] if each["code"] == "placeholder-misspelt"]
    assert (finding["path"], finding["severity"]) == (["systemPrompt"], "warning")
    assert "{{user}}" in finding["message"]
    assert report["estimate"]["promptTokens"] > 0
    assert report["estimate"]["replyTokensMost"] == 1000


def test_linting_saves_nothing_and_refuses_what_is_no_persona(client: httpx2.Client) -> None:
    client.post("/personas/lint", json=body("fresh"))
    problem_of(client.get("/personas/fresh"), 404, "persona_not_found")
    problem_of(client.post("/personas/lint", json={"id": "x"}), 422, "persona_invalid")
