"""Calls of tools: the same ones come out however servers number them and wherever the network cuts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.errors import ReplyEmpty
from personachat.messages import Finished, ToolCallsDelta
from personachat.providers.openai.reader import ReplyReader
from personachat.providers.openai.server import Server
from tests.fake_replies import DONE, chunk, sse

OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'
Called = tuple[str, str, str]


def piece(name: str | None = None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {**more, "function": {key: value for key, value in function.items() if value is not None}}


def body(*deltas: Sequence[dict[str, Any]], finish: str = "tool_calls") -> bytes:
    """A stream with the pieces of each delta in an event of their own."""
    parts = [sse(chunk({"tool_calls": list(pieces)})) for pieces in deltas]
    return b"".join([*parts, sse(chunk({}, finish=finish)), DONE])


def calls_of(reads: Sequence[bytes]) -> list[Called]:
    """Id, name and arguments of every call, put together as an SDK does it; checks what it relies on."""
    reader = ReplyReader(Server.at("acme", "http://h/v1", None), "m", tools=True)
    events = [event for data in reads for event in reader.feed(data)]
    events += reader.end()
    made: list[list[str]] = []
    for event in events:
        if not isinstance(event, ToolCallsDelta):
            continue
        indices = [each["index"] for each in event.calls]
        assert len(set(indices)) == len(indices)
        for each in event.calls:
            if each["index"] == len(made):
                assert each["id"]
                assert each["type"] == "function"
                assert each["function"]["name"]
                made.append([each["id"], "", ""])
            else:
                assert "id" not in each
            call = made[each["index"]]
            call[1] += each["function"].get("name", "")
            call[2] += each["function"]["arguments"]
    assert events[-1] == Finished("tool_calls" if made else "stop")
    return [(call[0], call[1], call[2]) for call in made]


def said(calls: list[Called]) -> list[tuple[str, str]]:
    return [(name, arguments) for _, name, arguments in calls]


TWO = [("weather", OSLO), ("weather", ROME)]
ONE = [("weather", OSLO)]

HABITS: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "as OpenAI": (
        body(
            [piece("weather", "", index=0, id="a", type="function")],
            [piece(arguments=OSLO[:5], index=0)],
            [piece(arguments=OSLO[5:], index=0)],
            [piece("weather", "", index=1, id="b", type="function")],
            [piece(arguments=ROME, index=1)],
        ),
        TWO,
    ),
    "two at once in turn": (
        body(
            [piece("weather", "", index=0, id="a"), piece("weather", "", index=1, id="b")],
            [piece(arguments=OSLO[:4], index=0), piece(arguments=ROME[:4], index=1)],
            [piece(arguments=ROME[4:], index=1), piece(arguments=OSLO[4:], index=0)],
        ),
        TWO,
    ),
    "no index": (body([piece("weather", OSLO, id="a")], [piece("weather", ROME, id="b")]), TWO),
    "no index, in one delta": (body([piece("weather", OSLO, id="a"), piece("weather", ROME, id="b")]), TWO),
    "index null": (
        body([piece("weather", OSLO, id="a", index=None)], [piece("weather", ROME, id="b", index=None)]),
        TWO,
    ),
    "always index 0": (
        body([piece("weather", OSLO, index=0, id="a")], [piece("weather", ROME, index=0, id="b")]),
        TWO,
    ),
    "always index 0, in pieces": (
        body(
            [piece("weather", "", index=0, id="a")],
            [piece(arguments=OSLO, index=0)],
            [piece("weather", "", index=0, id="b")],
            [piece(arguments=ROME[:3], index=0)],
            [piece(arguments=ROME[3:], index=0)],
        ),
        TWO,
    ),
    "no index, in pieces": (
        body([piece("weather", "", id="a")], [piece(arguments=OSLO[:8])], [piece(arguments=OSLO[8:])]),
        ONE,
    ),
    "from index 1": (body([piece("weather", "", index=1, id="a")], [piece(arguments=OSLO, index=1)]), ONE),
    "with gaps": (
        body([piece("weather", OSLO, index=3, id="a")], [piece("weather", ROME, index=7, id="b")]),
        TWO,
    ),
    "index as text": (
        body([piece("weather", OSLO, index="0", id="a")], [piece("weather", ROME, index="1", id="b")]),
        TWO,
    ),
    "no ids": (body([piece("weather", OSLO, index=0)], [piece("weather", ROME, index=1)]), TWO),
    "empty ids": (
        body([piece("weather", OSLO, index=0, id="")], [piece("weather", ROME, index=1, id="")]),
        TWO,
    ),
    "neither": (body([piece("weather", OSLO)], [piece("weather", ROME)]), TWO),
    "neither, in one delta": (body([piece("weather", OSLO), piece("weather", ROME)]), TWO),
    "the same id for all": (
        body([piece("weather", OSLO, index=0, id="x")], [piece("weather", ROME, index=1, id="x")]),
        TWO,
    ),
    "id and name in every piece": (
        body(
            [piece("weather", OSLO[:6], index=0, id="a")],
            [piece("weather", OSLO[6:], index=0, id="a")],
            [piece("weather", "", index=0, id="a")],
            [piece("weather", ROME[:6], index=1, id="b")],
            [piece("weather", ROME[6:], index=1, id="b")],
        ),
        TWO,
    ),
    "another id in every piece": (
        body(
            [piece("weather", "", index=0, id="a")],
            [piece(arguments=OSLO[:6], index=0, id="b")],
            [piece(arguments=OSLO[6:], index=0, id="c")],
        ),
        ONE,
    ),
    "an id that comes late": (
        body([piece("weather", index=0)], [piece(arguments=OSLO, index=0, id="a")]),
        ONE,
    ),
    "a name that comes late": (
        body([{"index": 0, "id": "a"}], [piece(arguments="", index=0)], [piece("weather", OSLO, index=0)]),
        ONE,
    ),
    "a name in pieces": (
        body(
            [piece("wea", "", index=0, id="a")],
            [piece("ther", "", index=0)],
            [piece(arguments=OSLO, index=0)],
        ),
        ONE,
    ),
    "arguments as an object": (body([piece("weather", {"city": "Oslo"}, index=0, id="a")]), ONE),
    "no arguments": (body([piece("now", "", index=0, id="a")]), [("now", "")]),
    "the end says stop": (body([piece("weather", OSLO, index=0, id="a")], finish="stop"), ONE),
    "the end says something else": (body([piece("weather", OSLO, index=0, id="a")], finish="tool_use"), ONE),
    "no end but [DONE]": (sse(chunk({"tool_calls": [piece("weather", OSLO, id="a")]})) + DONE, ONE),
    "nothing in it": (
        body([], [{}], [piece("weather", OSLO, id="a"), {"x": 1}, piece(index=0)]),  # odd, but seen
        ONE,
    ),
    "one call, not in a list": (
        sse(chunk({"tool_calls": piece("weather", OSLO, id="a")}))
        + sse(chunk({}, finish="tool_calls"))
        + DONE,
        ONE,
    ),
    "as it was before tools": (
        b"".join(
            [
                sse(chunk({"function_call": {"name": "weather", "arguments": ""}})),
                sse(chunk({"function_call": {"arguments": OSLO}})),
                sse(chunk({}, finish="function_call")),
                DONE,
            ]
        ),
        ONE,
    ),
    "a whole answer": (
        json.dumps(
            {
                "object": "chat.completion",
                "choices": [
                    {
                        "index": 0,
                        "message": {"tool_calls": [piece("weather", OSLO), piece("weather", ROME)]},
                        "finish_reason": "tool_calls",
                    }
                ],
            }
        ).encode(),
        TWO,
    ),
}


@pytest.mark.parametrize("habit", HABITS)
def test_calls_are_told_apart_whatever_a_server_numbers_them_by(habit: str) -> None:
    data, expected = HABITS[habit]
    calls = calls_of([data])
    assert said(calls) == expected
    assert len({call_id for call_id, _, _ in calls}) == len(expected)


@given(st.sampled_from(sorted(HABITS)), st.lists(st.integers(0, 2000), max_size=12))
@settings(max_examples=300, deadline=None)
def test_the_same_bytes_make_the_same_calls_wherever_they_are_cut(habit: str, cuts: list[int]) -> None:
    data, expected = HABITS[habit]
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    reads = [data[start:end] for start, end in pairwise(places)]
    assert said(calls_of(reads)) == expected


@pytest.mark.parametrize("habit", HABITS)
def test_every_byte_may_come_alone(habit: str) -> None:
    data, expected = HABITS[habit]
    assert said(calls_of([data[at : at + 1] for at in range(len(data))])) == expected


names = st.text("abcdefgh_", min_size=1, max_size=8)
values = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3).map(json.dumps)


@given(
    st.lists(st.tuples(names, values), min_size=1, max_size=4),
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
    st.sampled_from(["index and id", "id", "id, always 0", "index"]),
    st.lists(st.integers(0, 5000), max_size=8),
)
@settings(max_examples=200, deadline=None)
def test_any_calls_come_out_as_they_were_meant(
    calls: list[tuple[str, str]], sizes: list[int], numbering: str, cuts: list[int]
) -> None:
    deltas: list[list[dict[str, Any]]] = []
    for number, (name, arguments) in enumerate(calls):
        index = {"index and id": number, "index": number, "id, always 0": 0}.get(numbering)
        where = {} if index is None else {"index": index}
        head = (
            {"id": f"call_{number}"}
            if "id" in numbering.split(" ")[0::2] or numbering.startswith("id")
            else {}
        )
        deltas.append([{**where, **head, **piece(name, "")}])
        at = step = 0
        while at < len(arguments):
            size = sizes[step % len(sizes)]
            deltas.append([{**where, **piece(arguments=arguments[at : at + size])}])
            at, step = at + size, step + 1
    data = body(*deltas)
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    reads = [data[start:end] for start, end in pairwise(places)]
    assert said(calls_of(reads)) == calls


def test_what_a_provider_says_of_a_call_besides_comes_along() -> None:
    reader = ReplyReader(Server.at("acme", "http://h/v1", None), "m", tools=True)
    signed = {"extra_content": {"google": {"thought_signature": "x"}}}
    (event,) = reader.feed(body([piece("weather", OSLO, index=0, id="a", **signed)]))
    assert isinstance(event, ToolCallsDelta)
    assert event.calls[0]["extra_content"] == signed["extra_content"]


def test_a_call_that_nobody_offered_a_tool_for_is_no_reply() -> None:
    reader = ReplyReader(Server.at("acme", "http://h/v1", None), "m")
    assert list(reader.feed(body([piece("weather", OSLO, id="a")]))) == []
    with pytest.raises(ReplyEmpty, match="tried to call a tool"):
        list(reader.end())
