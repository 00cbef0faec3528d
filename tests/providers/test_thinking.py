"""Thoughts in the text of a reply are reasoning, tags that are only told of are text, wherever it is cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from personachat.conversations.model import Reply
from personachat.errors import ReplyEmpty
from personachat.messages import (
    ChatMessage,
    Finished,
    ReasoningDelta,
    ReplyEvent,
    Rethought,
    Started,
    TextDelta,
)
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.providers.openai.request import REMEMBERED_SECONDS
from personachat.providers.openai.thinking import Thoughts, without_thoughts
from personachat.replies.journal import Journal, decoded
from personachat.replies.progress import ReplyProgress
from tests.fake_provider import FakeProvider, Gate, chunk, events, status, tokens
from tests.providers.conftest import HELLO, KEY, events_of

pytestmark = pytest.mark.anyio

Told = tuple[str, str]
"""Reasoning and text, as they are in the end."""


def told(said: Iterable[object]) -> Told:
    reasoning = text = ""
    kept = 0
    for event in said:
        if isinstance(event, Started):
            kept = len(text)
        elif isinstance(event, Rethought):
            reasoning, text = reasoning + text[kept:], text[:kept]
        elif isinstance(event, ReasoningDelta):
            reasoning += event.content
        elif isinstance(event, TextDelta):
            assert event.content
            text += event.content
    return reasoning, text


def read(pieces: Sequence[str], *, assumed: bool = False, cut_off: bool = False) -> Told:
    thoughts = Thoughts(assumed=assumed)
    said: list[object] = []
    for piece in pieces:
        said += [TextDelta(piece)] if thoughts.passes(piece) else thoughts.feed(piece)
    return told([*said, *thoughts.end(cut_off=cut_off)])


REPLIES: dict[str, tuple[str, Told]] = {
    "plain": ("The answer.", ("", "The answer.")),
    "thoughts": ("<think>secret plan</think>\n\nThe answer.", ("secret plan", "The answer.")),
    "thoughts on lines": ("<think>\nsecret\nplan\n</think>\n\nThe answer.", ("secret\nplan", "The answer.")),
    "blanks before": ("\n <think>plan</think>Answer", ("plan", "Answer")),
    "empty thoughts": ("<think>\n\n</think>\n\nThe answer.", ("", "The answer.")),
    "thoughts twice": ("<think>a</think>\n<think>b</think>\nAnswer", ("ab", "Answer")),
    "Mistral's": ("[THINK]plan[/THINK]The answer.", ("plan", "The answer.")),
    "a lone end": ("secret plan\n</think>\n\nThe answer.", ("secret plan", "The answer.")),
    "a lone end at a paragraph's end": (
        "secret plan.</think>\n\nThe answer.",
        ("secret plan.", "The answer."),
    ),
    "a lone end right before": ("secret plan\n</think>The answer.", ("secret plan", "The answer.")),
    "a lone end before a heading": ("secret\n</think># Answer", ("secret", "# Answer")),
    "a lone end first": ("</think>\n\nThe answer.", ("", "The answer.")),
    "a lone end of long thoughts": (
        f"{'word ' * 400}\n</think>\n\nThe answer.",
        ("word " * 400, "The answer."),
    ),
    "tags in code": ("Use `<think>draft</think>` so.", ("", "Use `<think>draft</think>` so.")),
    "tags in prose": ("Then <think> and </think> too.", ("", "Then <think> and </think> too.")),
    "code first": ("`<think>` opens, `</think>` ends.", ("", "`<think>` opens, `</think>` ends.")),
    "an end in code": ("It ends with `</think>`\n\nDone.", ("", "It ends with `</think>`\n\nDone.")),
    "an end in prose": ("Write </think> at the end.", ("", "Write </think> at the end.")),
    "an end at a line's begin": (
        "The tag is\n</think> and nothing else.",
        ("", "The tag is\n</think> and nothing else."),
    ),
    "an end with a full stop": ("Write\n</think>.\nDone.", ("", "Write\n</think>.\nDone.")),
    "a fence": (
        "So:\n```xml\n</think>\n```\n\nDone.",
        ("", "So:\n```xml\n</think>\n```\n\nDone."),
    ),
    "a fence with both": (
        "So:\n~~~\n<think>\nx\n</think>\n\ny\n~~~",
        ("", "So:\n~~~\n<think>\nx\n</think>\n\ny\n~~~"),
    ),
    "thoughts about tags": (
        "<think>He asks for `<think>`.</think>\n\nUse `</think>`\n\nto end.",
        ("He asks for `<think>`.", "Use `</think>`\n\nto end."),
    ),
    "a tag that is none": ("<thinker> is <b>bold</b>", ("", "<thinker> is <b>bold</b>")),
    "less than": ("a < b and [x] <", ("", "a < b and [x] <")),
    "a part of a tag": ("It is </thi", ("", "It is </thi")),
    "a part of a tag first": ("<thin", ("", "<thin")),
    "blanks alone": (" \n", ("", " \n")),
}


@pytest.mark.parametrize("name", REPLIES)
def test_thoughts_are_told_apart(name: str) -> None:
    content, (reasoning, text) = REPLIES[name]
    assert read([content]) == (reasoning.strip(), text)
    found = read(list(content))
    assert (found[0].strip(" "), found[1]) == (reasoning.strip(), text)


@given(st.sampled_from(sorted(REPLIES)), st.lists(st.integers(0, 3000), max_size=8))
@settings(max_examples=400, deadline=None)
def test_it_makes_no_difference_where_the_network_cuts(name: str, cuts: list[int]) -> None:
    content, (reasoning, text) = REPLIES[name]
    places = sorted({0, len(content), *(cut % len(content) for cut in cuts)})
    found = read([content[start:end] for start, end in pairwise(places)])
    assert (found[0].strip(" "), found[1]) == (reasoning.strip(), text)


pieces_ = st.lists(
    st.sampled_from(["<think>", "</think>", "\n", "`", "```\n", "word", " ", "</", "think>", "<", "[THINK]"]),
    min_size=1,
    max_size=12,
)


@given(pieces_, st.booleans(), st.booleans())
@example(["</think>", "\n", "word"], True, False)
@settings(max_examples=500, deadline=None)
def test_no_word_is_lost_whatever_is_written(pieces: list[str], assumed: bool, cut_off: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    reasoning, text = read(pieces, assumed=assumed, cut_off=cut_off)
    whole = "".join(pieces)
    assert (reasoning + text).count("word") >= whole.count("word")
    assert read(list(whole), assumed=assumed, cut_off=cut_off)[1] == text


def test_thoughts_that_nothing_closes_are_the_answer_unless_they_were_cut_off() -> None:
    literal = "<think> is a tag that models write."
    assert read([literal])[1] == literal
    assert read(["<think>I was just thi"], cut_off=True) == ("I was just thi", "")


def test_a_model_known_to_think_first_never_tells_thoughts_as_text() -> None:
    assert read(["secret ", "plan\n", "</think>\n\n", "The answer."], assumed=True) == (
        "secret plan",
        "The answer.",
    )
    assert read(["<think>", "plan", "</think>", "A"], assumed=True) == ("plan", "A")
    assert read(["An answer ", "at once."], assumed=True)[1] == "An answer at once."


@pytest.mark.parametrize(
    "pieces",
    [
        ["Use `<think>draft</think>` as ", "the tag. Then <think> in prose and </think> too."],
        ["`<think>`", " opens a thought and `</think>` ends it."],
        ["It ends with `</think>`", "\n\nDone."],
        ["So:\n```xml\n</think>\n```\n\n", "Done."],
        ["Between <think> and </think>", "\n\nit thinks."],
    ],
)
def test_tags_that_are_told_of_are_text_even_of_a_model_known_to_think_first(pieces: list[str]) -> None:
    assert read(pieces, assumed=True)[1] == "".join(pieces)
    assert read(list("".join(pieces)), assumed=True)[1] == "".join(pieces)
    thoughts = Thoughts(assumed=True)
    for piece in pieces:
        thoughts.feed(piece)
    thoughts.end(cut_off=False)
    assert thoughts.closed_alone is False, "the next reply is not taken for thoughts first"


@pytest.mark.parametrize(
    ("stored", "told_again"),
    [
        ("<think>plan</think>\n\nAnswer", "Answer"),
        ("\n[THINK]plan[/THINK]Answer", "Answer"),
        ("<think> is a tag", "<think> is a tag"),
        ("Use `<think>x</think>`", "Use `<think>x</think>`"),
        ("", ""),
    ],
)
def test_thoughts_of_earlier_turns_are_not_told_again(stored: str, told_again: str) -> None:
    assert without_thoughts(stored) == told_again


# --- by a provider --------------------------------------------------------------------------------


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
async def provider(fake: FakeProvider, now: list[float]) -> AsyncIterator[OpenAICompatibleProvider]:
    made = OpenAICompatibleProvider(
        "acme", base_url=fake.base_url, api_key=SecretStr(KEY), clock=lambda: now[0]
    )
    yield made
    await made.aclose()


def rethought(seen: Sequence[ProviderEvent]) -> bool:
    return any(isinstance(event, Rethought) for event in seen)


async def test_thoughts_in_tags_are_reasoning(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    fake.enqueue(tokens(["<th", "ink>secret ", "plan", "</think>", "\n\nThe ", "answer."]))
    seen, error = await events_of(provider)
    assert error is None
    assert told(seen) == ("secret plan", "The answer.")
    assert not rethought(seen)


async def test_a_lone_end_takes_back_what_came_once_and_is_remembered_for_the_model(
    fake: FakeProvider, provider: OpenAICompatibleProvider, now: list[float]
) -> None:
    thinking = ["secret ", "plan", "\n</think>\n\n", "The ", "answer."]
    gate = Gate()
    fake.enqueue(tokens(["secret ", gate, *thinking[1:]]), tokens(thinking), tokens(thinking))
    seen: list[ProviderEvent] = []
    async for event in provider.stream(ChatRequest("gpt-x", HELLO)):
        seen.append(event)
        if isinstance(event, TextDelta):
            gate.open()
    assert rethought(seen)
    assert told(seen) == ("secret plan", "The answer.")
    again, _ = await events_of(provider)
    assert told(again) == ("secret plan", "The answer.")
    assert not rethought(again)
    now[0] += REMEMBERED_SECONDS + 1
    fake.enqueue(tokens(["An answer."]))
    later, _ = await events_of(provider)
    assert isinstance(later[1], ReasoningDelta | TextDelta)


async def test_a_model_that_stops_thinking_aloud_is_heard_and_not_mistaken_again(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["plan\n</think>\n\nThe answer."]), tokens(["At once."]), tokens(["At once."]))
    await events_of(provider)
    seen, error = await events_of(provider)
    assert error is None
    assert told(seen)[1] == "At once."
    again, _ = await events_of(provider)
    assert told(again) == ("", "At once.")


async def test_a_server_that_tells_thoughts_apart_itself_is_believed(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["plan\n</think>\n\nThe answer."]))
    await events_of(provider)
    fake.enqueue(events(chunk({"reasoning_content": "Hm."}), chunk("The answer."), chunk({}, finish="stop")))
    seen, _ = await events_of(provider)
    assert told(seen) == ("Hm.", "The answer.")
    assert not rethought(seen)


@pytest.mark.parametrize(
    "parts",
    [
        [{"type": "thinking", "thinking": [{"type": "text", "text": "plan"}]}],
        [{"type": "thinking", "thinking": "plan"}],
        [{"type": "reasoning", "text": "plan"}],
    ],
)
async def test_parts_that_are_thoughts_are_reasoning(
    fake: FakeProvider, provider: OpenAICompatibleProvider, parts: list[object]
) -> None:
    text = {"type": "text", "text": "The answer."}
    message = {"role": "assistant", "content": [*parts, text]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    fake.enqueue(
        events(chunk({"content": parts}), chunk({"content": [text]}), chunk({}, finish="stop")),
        status(200, body={"choices": [choice]}),
    )
    for _ in range(2):
        seen, error = await events_of(provider)
        assert error is None
        assert told(seen) == ("plan", "The answer.")


async def test_thoughts_without_an_answer_are_said_to_be_none(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["<think>plan</think>\n"]))
    seen, error = await events_of(provider)
    assert isinstance(error, ReplyEmpty)
    assert "finished thinking but wrote no answer" in str(error)
    assert told(seen) == ("plan", "")
    fake.enqueue(tokens(["<think>plan"], finish="length"))
    seen, error = await events_of(provider)
    assert error is None
    assert told(seen) == ("plan", "")
    assert seen[-1] == Finished("length")


async def test_earlier_thoughts_are_not_in_the_request(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    said = (
        ChatMessage("assistant", "<think>plan</think>\n\nHi."),
        ChatMessage("user", "<think>mine</think>"),
    )
    await events_of(provider, ChatRequest("gpt-x", (*HELLO, *said)))
    assert [each["content"] for each in fake.chats[-1].body["messages"][-2:]] == [
        "Hi.",
        "<think>mine</think>",
    ]


# --- as it is kept --------------------------------------------------------------------------------


def test_what_is_taken_back_is_kept_as_reasoning_and_rebuilt_from_the_journal() -> None:
    seen: list[ReplyEvent] = [
        Started("p", "m"),
        TextDelta("kept "),
        Started("p", "m"),
        TextDelta("secret "),
        TextDelta("plan"),
        Rethought(),
        TextDelta("The answer."),
        Finished("stop"),
    ]
    draft = ReplyProgress(Reply())
    for event in seen:
        draft.add(event)
    reply = draft.reply()
    assert (reply.reasoning, reply.text) == ("secret plan", "kept The answer.")
    again = decoded(Journal().of(seen), reply)
    assert told(again) == (reply.reasoning, reply.text)
    assert len(again) == len(seen)
