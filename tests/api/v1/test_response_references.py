"""Responses that follow others and items that are referred to, as SDKs do it from the second turn on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from personachat.conversations.responses import KeptResponses
from personachat.services import Services, build_services
from tests.api.conftest import served
from tests.api.v1.test_response_tools import LOOK_UP, ONE_CALL, TWO_CALLS
from tests.fake_provider import FakeProvider, tokens


def contents(fake: FakeProvider) -> list[tuple[str, Any]]:
    """What the provider was told last, without the persona's own message."""
    return [(each["role"], each["content"]) for each in fake.chats[-1].body["messages"][1:]]


def test_an_item_can_be_referred_to_instead_of_being_repeated(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Good ", "morning"]))
    first = sdk.responses.create(model="tester", input="Hi")
    said: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "item_reference", "id": first.output[0].id},
        {"role": "user", "content": "More"},
    ]
    sdk.responses.create(model="tester", input=said)
    assert contents(fake) == [("user", "Hi"), ("assistant", "Good morning"), ("user", "More")]


def test_calls_can_be_referred_to_and_their_outputs_follow(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(TWO_CALLS)
    first = sdk.responses.create(model="tester", input="x and y?", tools=[LOOK_UP])
    said: list[Any] = [{"role": "user", "content": "x and y?"}]
    said += [{"type": "item_reference", "id": item.id} for item in first.output]
    said += [
        {"type": "function_call_output", "call_id": each, "output": each} for each in ("call_1", "call_2")
    ]
    sdk.responses.create(model="tester", input=said, tools=[LOOK_UP])
    _, assistant, *outputs = fake.chats[-1].body["messages"][1:]
    assert assistant["content"] == "Let me see."
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_1", "call_2"]
    assert [output["content"] for output in outputs] == ["call_1", "call_2"]


def test_a_response_follows_another_over_many_turns_and_may_branch(sdk: OpenAI, fake: FakeProvider) -> None:
    last, ids = None, []
    for number in range(4):
        fake.enqueue(tokens([f"Answer {number}"]))
        response = sdk.responses.create(model="tester", input=f"Question {number}", previous_response_id=last)
        assert response.previous_response_id == last
        last = response.id
        ids.append(last)
    told = [part for number in range(4) for part in (f"Question {number}", f"Answer {number}")]
    assert [content for _, content in contents(fake)] == told[:-1]
    sdk.responses.create(model="tester", input="Another way", previous_response_id=ids[1])
    assert [content for _, content in contents(fake)] == [*told[:4], "Another way"]


def test_instructions_are_not_taken_over(sdk: OpenAI, fake: FakeProvider) -> None:
    first = sdk.responses.create(model="tester", input="Hi", instructions="Be brief.")
    sdk.responses.create(model="tester", input="More", previous_response_id=first.id, instructions="Be long.")
    assert [content for _, content in contents(fake)] == ["Be long.", "Hi", "You said: Hi", "More"]


def test_the_output_of_a_call_follows_it_as_it_streamed(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(ONE_CALL)
    told = list(sdk.responses.create(model="tester", input="x?", tools=[LOOK_UP], stream=True))
    assert told[-1].type == "response.completed"
    output: Any = [{"type": "function_call_output", "call_id": "call_1", "output": "42"}]
    sdk.responses.create(
        model="tester", input=output, tools=[LOOK_UP], previous_response_id=told[-1].response.id
    )
    assert [role for role, _ in contents(fake)] == ["user", "assistant", "tool"]


def test_nothing_is_kept_where_that_was_not_wanted(
    sdk: OpenAI, fake: FakeProvider, services: Services
) -> None:
    response = sdk.responses.create(model="tester", input="A secret", store=False)
    asked = len(fake.chats)
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.responses.create(model="tester", input="More", previous_response_id=response.id)
    assert (refused.value.param, refused.value.code) == (
        "previous_response_id",
        "previous_response_not_found",
    )
    reference: Any = [{"type": "item_reference", "id": response.output[0].id}]
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.responses.create(model="tester", input=reference)
    assert (refused.value.param, refused.value.code) == ("input[0].id", "item_not_found")
    assert len(fake.chats) == asked
    sdk.responses.create(model="tester", input="Kept")
    with services.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT input FROM responses").scalars().all()
    assert len(rows) == 1
    assert "secret" not in rows[0]


@pytest.mark.parametrize(
    "reference",
    [
        "msg_1",
        "msg_" + "0" * 32 + "_0",
        "",
        "'; DROP TABLE responses; --",
        "rs_" + "f" * 32 + "_9999",
        "é" * 400,
    ],
)
def test_what_was_never_there_is_not_found(sdk: OpenAI, fake: FakeProvider, reference: str) -> None:
    said: Any = [{"role": "user", "content": "Hi"}, {"type": "item_reference", "id": reference}]
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.responses.create(model="tester", input=said)
    assert refused.value.param == "input[1].id"
    assert not fake.chats


def test_a_place_that_a_response_does_not_have_is_not_found(sdk: OpenAI) -> None:
    item_id = sdk.responses.create(model="tester", input="Hi").output[0].id or ""
    for wrong in (item_id[:-1] + "1", item_id.replace("msg_", "fc_")):
        with pytest.raises(openai.BadRequestError, match="not found"):
            sdk.responses.create(model="tester", input=[{"type": "item_reference", "id": wrong}])


def test_a_failed_response_cannot_be_followed(sdk: OpenAI, fake: FakeProvider) -> None:
    from tests.fake_provider import chunk, events

    fake.enqueue(events(chunk({"content": "Hel"}), {"error": {"message": "It broke"}}))
    told = list(sdk.responses.create(model="tester", input="Hi", stream=True))
    assert told[-1].type == "response.failed"
    with pytest.raises(openai.BadRequestError, match="not found"):
        sdk.responses.create(model="tester", input="More", previous_response_id=told[-1].response.id)


def test_a_database_that_fails_takes_nothing_from_the_answer(
    sdk: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    from personachat.errors import DatabaseUnavailable

    def fail(*_: Any) -> bool:
        raise DatabaseUnavailable("It is gone.")

    monkeypatch.setattr(KeptResponses, "keep", fail)
    assert sdk.responses.create(model="tester", input="Hi").output_text == "You said: Hi"
    told = list(sdk.responses.create(model="tester", input="Hi", stream=True))
    assert told[-1].type == "response.completed"


@pytest.fixture
def second(make_services: Any, services: Services) -> Iterator[OpenAI]:
    """A client of another process on the same database, as far as that can be seen from outside."""
    with closing(build_services(services.settings)) as other, served(other) as client:
        url = str(client.base_url).replace("/api/", "/v1")
        with OpenAI(base_url=url, api_key="x", max_retries=0) as made:
            yield made


def test_another_replica_knows_it_as_well(sdk: OpenAI, second: OpenAI, fake: FakeProvider) -> None:
    first = sdk.responses.create(model="tester", input="Hi")
    second.responses.create(model="tester", input="More", previous_response_id=first.id)
    assert [content for _, content in contents(fake)] == ["Hi", "You said: Hi", "More"]


def test_only_the_token_that_asked_finds_it(make_services: Any, fake: FakeProvider) -> None:
    ada, bob = "ada-token-of-thirty-two-characters", "bob-token-of-thirty-two-characters"
    with served(make_services(api_tokens=(ada, bob))) as client:
        url = str(client.base_url).replace("/api/", "/v1/responses")

        def post(token: str, **body: Any) -> httpx2.Response:
            headers = {"Authorization": f"Bearer {token}"}
            return httpx2.post(url, json={"model": "tester", **body}, headers=headers)

        said = post(ada, input="A secret").json()
        assert post(ada, input="More", previous_response_id=said["id"]).status_code == 200
        refused = post(bob, input="More", previous_response_id=said["id"])
        assert refused.status_code == 400
        assert "secret" not in refused.text
        reference = [{"type": "item_reference", "id": said["output"][0]["id"]}]
        assert post(bob, input=reference).status_code == 400
        assert post(ada, input=reference).status_code == 200
