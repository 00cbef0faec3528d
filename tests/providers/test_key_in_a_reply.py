"""A key that a server writes into a reply is hidden, wherever it is cut; ordinary words stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from personachat.messages import ReasoningDelta, Rethought, TextDelta, ToolCallsDelta
from personachat.providers.openai.key_mask import HEAD_CHARACTERS, MaskedText, telling_keys
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.providers.openai.reader import ReplyReader
from personachat.providers.openai.server import Server
from tests.fake_provider import FakeProvider, chunk, events, raw, sse, tokens
from tests.fake_replies import DONE
from tests.providers.conftest import KEY, events_of, reply_of, text_of

SERVER = Server.at("acme", "http://h/v1", KEY)
ECHO = f"GET /v1 Authorization: Bearer {KEY}\nHost: x"
HIDDEN_ECHO = "GET /v1 Authorization: Bearer ***\nHost: x"
_BEGINNINGS = [KEY[:length] for length in range(HEAD_CHARACTERS - 1, 0, -1)]
_BEGUN = re.compile(rf"(?:{'|'.join(_BEGINNINGS)})\*{{3}}")


def cuts(text: str) -> Iterator[tuple[str, str]]:
    return ((text[:at], text[at:]) for at in range(len(text) + 1))


def closed_up(text: str) -> str:
    """The text without the few letters of a key that may have gone out before it was known for one."""
    while (closer := _BEGUN.sub("***", text)) != text:
        text = closer
    return text


def said(pieces: Sequence[str], *, field: str = "content", finish: str = "stop") -> tuple[str, str]:
    """Text and reasoning of a reply, every piece in a read of its own."""
    reader = ReplyReader(SERVER, "m")
    bodies = [sse(chunk({field: piece})) for piece in pieces if piece]
    text, reasoning = "", ""
    for event in _events(reader, [*bodies, sse(chunk({}, finish=finish)), DONE]):
        if isinstance(event, TextDelta):
            text += event.content
        elif isinstance(event, ReasoningDelta):
            reasoning += event.content
        elif isinstance(event, Rethought):
            text, reasoning = "", reasoning + text
    return text, reasoning


def _events(reader: ReplyReader, reads: Sequence[bytes]) -> Iterator[object]:
    for read in reads:
        yield from reader.feed(read)
    yield from reader.end()


@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_key_is_hidden_wherever_it_is_cut(field: str) -> None:
    for pieces in (*cuts(ECHO), tuple(ECHO)):
        text, reasoning = said([*pieces, ""], field=field, finish="length")
        assert closed_up(text or reasoning) == HIDDEN_ECHO


def test_two_keys_in_a_row_and_one_among_false_beginnings() -> None:
    head = KEY[:HEAD_CHARACTERS]
    text = f"{KEY}{KEY} {head}{KEY[:-1]}! {head}{head}{KEY} {KEY[:-3]}"
    for pieces in (*cuts(text), tuple(text)):
        hidden = f"****** {head}{KEY[:-1]}! {head}{head}*** ***"
        assert closed_up(said(pieces)[0]) == closed_up(hidden)


def test_what_is_told_of_keys_stays() -> None:
    for words in ("OpenAI's keys begin with sk-proj-", "sk-proj- and sk-proj-abcdefghi", "s", "sk-"):
        for pieces in cuts(words):
            assert said(pieces)[0] == words


@given(st.lists(st.sampled_from([*KEY[:9], KEY, KEY[:8], KEY[:-1], KEY[3:], "sk", " "])))
def test_no_cut_gives_a_key_away(pieces: list[str]) -> None:
    whole, cut = MaskedText((KEY,)), MaskedText((KEY,))
    at_once = whole.feed("".join(pieces)) + whole.end()
    by_letter = "".join(map(cut.feed, "".join(pieces))) + cut.end()
    assert closed_up(at_once) == closed_up(by_letter)
    assert KEY not in at_once + by_letter


def test_it_comes_out_as_soon_as_it_is_known_to_be_no_key() -> None:
    text = MaskedText((KEY,))
    assert text.feed("a sk-") == "a sk-"
    assert text.feed("pro") == "pro"
    assert text.feed("j-") == ""
    assert text.waits
    assert text.feed("x y") == "j-x y"
    assert not text.waits


@pytest.mark.parametrize(
    "key", [None, "sk-test", "lm-studio", "sk-no-key-required", "NO-API-KEY-REQUIRED", "docker-model-runner"]
)
def test_a_name_that_stands_for_a_key_is_no_secret(key: str | None) -> None:
    assert telling_keys(key) == ()


@pytest.mark.anyio
async def test_other_spellings_are_hidden_and_arguments_of_tools(fake: FakeProvider) -> None:
    key = "k/y+0123456789abcdef"
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr(key))
    fake.enqueue(tokens(["k%2Fy%2B01234", "56789abcdef ", "ay95KzAxMjM0NTY3ODlhYmNkZWY="]))
    assert (await reply_of(provider))[0] == "*** ***"
    fake.enqueue(events({"choices": [{"message": {"content": f"It is {key}."}, "finish_reason": "stop"}]}))
    seen, _ = await events_of(provider)
    assert text_of(seen) == "It is ***."
    await provider.aclose()


def test_arguments_of_tools_have_no_key() -> None:
    arguments = json.dumps({"header": f"Bearer {KEY}", "n": 1})
    for pieces in cuts(arguments):
        reader = ReplyReader(SERVER, "m", tools=True)
        calls = [{"index": 0, "id": "c", "function": {"name": "look", "arguments": ""}}]
        calls += [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
        reads = [sse(chunk({"tool_calls": [each]})) for each in calls]
        told = "".join(
            call["function"]["arguments"]
            for event in _events(reader, [*reads, sse(chunk({}, finish="tool_calls")), DONE])
            if isinstance(event, ToolCallsDelta)
            for call in event.calls
        )
        assert json.loads(closed_up(told)) == {"header": "Bearer ***", "n": 1}


@pytest.mark.anyio
async def test_a_reply_that_breaks_off_in_a_key_has_none_of_it(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(raw(sse(chunk({"content": f"It is {KEY[:-2]}"}))))
    seen, error = await events_of(provider)
    assert error is not None
    assert text_of(seen) in {"It is ", "It is ***"}
