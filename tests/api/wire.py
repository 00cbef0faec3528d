"""Reading what the API sends: server-sent events, strictly, and problems."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import httpx2


@dataclass(frozen=True)
class Event:
    """One event; the last one of a stream has neither number nor name."""

    number: int | None
    name: str | None
    data: Any


def events_of(stream: httpx2.Response) -> Iterator[Event]:
    """Each event as soon as it has arrived; comments are left out."""
    fields: dict[str, str] = {}
    for line in stream.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, separator, value = line.partition(": ")
            assert separator, f"not a field: {line!r}"
            assert name in {"id", "event", "data"}
            assert name not in fields, "a field came twice"
            fields[name] = value
        elif fields:
            data = fields["data"]
            assert data.isascii()
            number = int(fields["id"]) if "id" in fields else None
            yield Event(number, fields.get("event"), data if data == "[DONE]" else json.loads(data))
            fields = {}
    assert not fields, "the stream ended inside an event"


@contextmanager
def streamed(
    client: httpx2.Client, method: str, path: str, **more: Any
) -> Iterator[tuple[httpx2.Response, Iterator[Event]]]:
    with client.stream(method, path, **more) as response:
        if response.status_code != 200:
            response.read()
        assert response.status_code == 200, response.text
        yield response, events_of(response)


def chatting(client: httpx2.Client, message: str = "Hi", **body: Any) -> Any:
    """Send a message and stream the reply: a context manager of the response and its events."""
    return streamed(client, "POST", "/chat", json={"message": message, "personaId": "tester"} | body)


def said(client: httpx2.Client, message: str = "Hi", **body: Any) -> list[Event]:
    """Say something and wait for the whole reply."""
    with chatting(client, message, **body) as (_, events):
        return list(events)


def left(client: httpx2.Client, body: dict[str, Any], *, when: Callable[[], object]) -> None:
    """Say something and hang up, unanswered, as soon as `when` returns."""
    url = client.base_url
    with closing(HTTPConnection(url.host, url.port)) as connection:
        path = f"{url.path.rstrip('/')}/chat"
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        assert when()


def text_of(events: list[Event]) -> str:
    return "".join(event.data["content"] for event in events if event.name == "delta")


def problem_of(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Check the envelope and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    assert body["title"]
    return body


def until(events: Iterator[Event], name: str) -> Event:
    """The next event of this name."""
    return next(event for event in events if event.name == name)
