"""Another owner's ids, put wherever the descriptions of the API take one: they are as good as invented.

The calls are made from the descriptions of /api and /v1, so a new operation is tried as soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from personachat.stamps import new_id
from tests.api.conftest import standing
from tests.api.descriptions import descriptions
from tests.api.wire import streamed

ONE, TWO = (
    {"X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer the-token-number-{number}"}
    for number in ("one", "two")
)
INVENTED = {
    "conversation": "0123456789abcdef" * 2,
    "words": "123456789abcdef0" * 2,
    "reply": "23456789abcdef01" * 2,
    "share": "A" * 43,
    "response": "resp_" + "3456789abcdef012" * 2,
    "comparison": "456789abcdef0123" * 2,
    "run": "56789abcdef01234" * 2,
    "question_set": "6789abcdef012345" * 2,
}
SECRET = "a-word-that-is-nobody-elses"
EVERYBODYS = frozenset(
    {
        "personas",
        "templates",
        "models",
        "health",
        "ready",
        "budgets",
        "tokens",
        "tests/forecast",
        "tests/suites",
    }
)
"""What begins a path whose things belong to all who may call, or to the administrators."""

ADMINISTRATORS = frozenset({"audit", "budgets", "tokens"})
"""What begins a path where nobody but an administrator finds anything, their own ids included."""

SEARCHES = frozenset(("query", name) for name in ("q", "personaId", "cursor", "person")) | {
    ("body", "conversation"),
    ("body", "personaId"),
}
"""What finds nothing, or is always refused, where it is nobody's."""

AN_ID = re.compile(r"(?i).*(ids?|token|conversation|cursor|person|against)|q")
FILLED = {
    "personaId": "tester",
    "model": "tester",
    "input": "Hi",
    "messages": [{"role": "user", "content": "Hi"}],
    "variant": "A",
    "variants": [{"personaId": "tester", "samples": 2}],
    "number": 1,
    "choice": "tie",
}


def area(path: str) -> str:
    """What an address is about: its first word, of tests its first two."""
    first, *more = path.strip("/").split("/")
    return f"{first}/{more[0]}" if first == "tests" and more else first


@dataclass(frozen=True)
class Call:
    """One operation; `slots` are where it takes an id, each as a place and a name."""

    base: str
    method: str
    path: str
    slots: tuple[tuple[str, str], ...]
    body: Mapping[str, Any] | None

    def sent(
        self, client: httpx2.Client, slot: tuple[str, str], value: str, *, own: Mapping[str, str], who: Any
    ) -> httpx2.Response:
        """Call it with the value in one slot, and the caller's own things in the others."""
        kinds = {
            "conversations": "conversation",
            "comparisons": "comparison",
            "question-sets": "question_set",
            "tests/runs": "run",
        }
        mine = own[kinds.get(area(self.path), "words")]
        place, name = slot
        path = self.path
        for each in re.findall(r"{(\w+)}", path):
            path = path.replace(f"{{{each}}}", value if slot == ("path", each) else mine)
        root = str(client.base_url).removesuffix("/api/")
        given = [value] if name.endswith("Ids") else value
        body = None if self.body is None else dict(self.body) | ({name: given} if place == "body" else {})
        options: dict[str, Any] = {} if body is None else {"json": body}
        query = {name: value} if place == "query" else {}
        return client.request(self.method, f"{root}{self.base}{path}", params=query, headers=who, **options)


def calls() -> Iterator[Call]:
    for base, described in descriptions().items():
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                schema = _body_schema(operation, described)
                body = None
                if schema is not None:
                    body = {name: FILLED.get(name, "x") for name in schema.get("required", ())}
                slots = [("path", name) for name in re.findall(r"{(\w+)}", path)]
                slots += [
                    ("query", each["name"])
                    for each in operation.get("parameters", ())
                    if each["in"] == "query" and AN_ID.fullmatch(each["name"])
                ]
                slots += [
                    ("body", name) for name in (schema or {}).get("properties", ()) if AN_ID.fullmatch(name)
                ]
                if slots:
                    yield Call(base, method.upper(), path, tuple(slots), body)


def _body_schema(operation: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any] | None:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return None
    schema = schema.get("anyOf", [schema])[0]
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = described["components"]["schemas"][name] if name else schema
    return found


CALLS = {f"{call.base} {call.method} {call.path}": call for call in calls()}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    tokens = "the-token-number-one the-token-number-two"
    with standing(
        tmp_path_factory.mktemp("foreign"), api_tokens=tokens, trust_loopback=True, judge_model="judge"
    ) as made:
        yield made


@pytest.fixture(scope="module")
def theirs(client: httpx2.Client) -> dict[str, str]:
    return belongings(client, ONE)


@pytest.fixture(scope="module")
def own(client: httpx2.Client) -> dict[str, str]:
    return belongings(client, TWO)


def belongings(client: httpx2.Client, who: Mapping[str, str]) -> dict[str, str]:
    """The ids of what somebody has, made for them."""
    body = {"message": SECRET if who is ONE else "Hello", "personaId": "tester"}
    with streamed(client, "POST", "/chat", json=body, headers=who) as (_, stream):
        start = next(stream).data
        list(stream)
    conversation = start["conversationId"]
    read = client.get(f"/conversations/{conversation}", headers=who).json()
    words, reply = (message["id"] for message in read["messages"])
    share = client.post(f"/conversations/{conversation}/share", headers=who).json()
    root = str(client.base_url).removesuffix("/api/")
    asked = {"model": "tester", "input": body["message"], "store": True}
    response = client.post(f"{root}/v1/responses", json=asked, headers=who).json()
    compared = {"message": body["message"], "variants": [{"personaId": "tester", "samples": 2}]}
    as_json = {"Accept": "application/json"}
    comparison = client.post("/comparisons", json=compared, headers={**who, **as_json}).json()
    suite = (
        "persona: tester\nrepeat: 1\ncases:\n"
        f"  - {{ name: one, say: {body['message']}, check: [{{ contains: x }}] }}\n"
    )
    client.put("/tests/suites/tester", json={"text": suite}, headers=who)
    run = client.post("/tests/runs", json={"personaId": "tester"}, headers=who).json()
    listed = {"name": f"Messages {new_id()}", "messages": [body["message"]]}
    questions = client.post("/question-sets", json=listed, headers=who).json()
    return {
        "conversation": conversation,
        "words": words,
        "reply": reply,
        "share": share["token"],
        "response": response["id"],
        "comparison": comparison["id"],
        "run": run["id"],
        "question_set": questions["id"],
    }


def everything_of(client: httpx2.Client, who: Mapping[str, str], things: Mapping[str, str]) -> list[bytes]:
    conversation = things["conversation"]
    paths = (
        "/conversations",
        f"/conversations/{conversation}?tree=true",
        f"/conversations/{conversation}/share",
    )
    return [client.get(path, headers=who).content for path in paths]


def told(response: httpx2.Response, value: str) -> tuple[int, str, dict[str, str]]:
    """What an answer tells, without the value itself and what differs between any two answers."""
    if response.is_success:
        return response.status_code, "", {}
    headers = {name: said for name, said in response.headers.items() if name not in {"date", "x-request-id"}}
    body = re.sub(re.escape(value[:20]) + r"[\w-]*(\\u2026)?", "<value>", response.text)
    return response.status_code, body, headers


@pytest.mark.parametrize("name", CALLS)
def test_anothers_id_is_answered_like_an_invented_one(
    client: httpx2.Client, theirs: dict[str, str], own: dict[str, str], name: str
) -> None:
    call = CALLS[name]
    before = everything_of(client, ONE, theirs)
    kinds = ["conversation"] if area(call.path) in EVERYBODYS else list(theirs)
    for slot in call.slots:
        for kind in kinds:
            value = theirs[kind]
            foreign = call.sent(client, slot, value, own=own, who=TWO)
            missing = call.sent(client, slot, INVENTED[kind], own=own, who=TWO)
            assert told(foreign, value) == told(missing, INVENTED[kind]), f"{kind} as {slot}"
            assert SECRET not in foreign.text, f"{kind} as {slot}"
    assert everything_of(client, ONE, theirs) == before


OF_ONES_OWN = [
    name
    for name, call in CALLS.items()
    if area(call.path) not in EVERYBODYS | ADMINISTRATORS and any(slot not in SEARCHES for slot in call.slots)
]


@pytest.mark.parametrize("name", OF_ONES_OWN)
def test_ones_own_id_is_known_where_anothers_is_not(client: httpx2.Client, name: str) -> None:
    call, mine = CALLS[name], belongings(client, TWO)
    answers = [
        [
            call.sent(client, slot, value, own=mine, who=TWO).status_code
            for value in (mine[kind], INVENTED[kind])
        ]
        for slot in call.slots
        for kind in mine
    ]
    assert any(known != missing for known, missing in answers)


def test_the_link_to_a_persona_is_ended_by_who_made_it_alone(client: httpx2.Client) -> None:
    made = client.post("/personas/tester/share?short=true", headers=ONE).json()
    shown = f"/personas/shared/{made['path'].rpartition('=')[2]}"
    assert client.delete("/personas/tester/share", headers=TWO).is_success
    assert client.get(shown, headers=TWO).is_success
    assert client.delete("/personas/tester/share", headers=ONE).is_success
    assert client.get(shown, headers=TWO).status_code == 404
