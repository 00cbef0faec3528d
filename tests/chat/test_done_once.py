"""What is costly is done once: parsing a text on its way in, compiling the messages for a reply."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from personachat.chat.completions import CompletionRequest
from personachat.personas import persona as personas
from personachat.personas.persona import check_persona
from personachat.replies import request
from personachat.services import Services
from tests.api.conftest import served
from tests.conftest import local, persona_text

JSON = {"Content-Type": "application/json"}


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[object]:
    """Every first argument with which this function of the module is called from now on."""
    calls: list[object] = []
    does: Callable[..., object] = getattr(module, name)

    def count(*args: Any, **kwargs: Any) -> object:
        calls.append(args[0])
        return does(*args, **kwargs)

    monkeypatch.setattr(module, name, count)
    return calls


def laid_out(name: str) -> str:
    return json.dumps(json.loads(persona_text("once", name=name)), indent=2)


@pytest.mark.parametrize("store", ["files", "database"])
def test_a_text_that_is_put_is_parsed_once(
    store: str, make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services(persona_store=store)
    with served(services) as client:
        client.put("/personas/once", content=laid_out("Old"), headers=JSON)
        client.get("/personas")  # the first look parses everything that is there
        parsed = counted(monkeypatch, personas, "read_json")
        text, headers = laid_out(f"Changed in {store}"), {**JSON, "If-Match": "*"}
        assert client.put("/personas/once", content=text, headers=headers).status_code == 200
        assert client.get("/personas/once").json()["name"] == f"Changed in {store}"
        assert client.get("/personas").status_code == 200

    assert parsed.count(text) == 1


def test_a_draft_is_parsed_once_from_its_check_to_its_revision(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = counted(monkeypatch, personas, "read_json")
    text = persona_text("drafted", name="Drafted")
    collection = local(services).collection
    assert check_persona(text) == ()
    collection.create(text)
    assert collection.get("drafted").persona.name == "Drafted"
    assert collection.history("drafted")

    assert parsed.count(text) == 1


def test_messages_are_compiled_once_for_a_reply(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    services.personas.save(persona_text(examples=[{"user": "a", "assistant": "b"}], greeting="Hello"))
    compiled = counted(monkeypatch, request, "persona_part")
    chat = local(services).chat
    reply = chat.begin("Hi", persona_id="tester")
    while reply.live:
        reply.wait(len(reply.wait(0, timeout_seconds=0)), timeout_seconds=10)
    assert reply.state == "finished"
    assert len(compiled) == 1
    services.completions.start(
        "tester", CompletionRequest([{"role": "user", "content": "Hi"}])
    ).live_reply.stop()

    assert len(compiled) == 2
