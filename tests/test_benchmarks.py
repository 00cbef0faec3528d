"""What the benchmark computes: which token was seen when, and what becomes of many such times."""

from __future__ import annotations

import asyncio
import json

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.actions import EXCHANGES, chats, table
from benchmarks.http_client import COMPLETIONS, HttpSession, RequestRefused, events
from benchmarks.measures import (
    Emission,
    Measures,
    ReplyIncomplete,
    Seen,
    Sightings,
    common_length,
    lags_ms,
    measures_of,
    medians,
    percentile,
)
from benchmarks.provider import Provider
from benchmarks.scenarios import emission_of
from benchmarks.screen import Screen
from benchmarks.speech import Order, letter_counts, letters
from personachat.history.documents import FORMAT, VERSION, Document

MILLISECOND = 1_000_000


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile(range(1, 101), 0.95) == 95
    assert percentile([7.0], 0.95) == 7.0
    assert percentile([1.0, 9.0], 0) == 1.0


def test_a_token_is_seen_with_its_last_letter() -> None:
    emitted = [0, 10 * MILLISECOND, 20 * MILLISECOND]
    sightings = [(5 * MILLISECOND, 2), (12 * MILLISECOND, 5), (40 * MILLISECOND, 9)]
    assert lags_ms(("ab", " cdef", " ghi"), emitted, sightings) == [5.0, 30.0, 20.0]


def test_a_token_without_letters_has_no_lag() -> None:
    sightings = [(MILLISECOND, 2), (4 * MILLISECOND, 4)]
    assert lags_ms(("ab", ".\n\n", "cd"), [0, MILLISECOND, 2 * MILLISECOND], sightings) == [1.0, 2.0]


@pytest.mark.parametrize("sightings", [[], [(MILLISECOND, 3)]])
def test_a_reply_whose_end_was_not_seen_is_no_measurement(sightings: list[tuple[int, int]]) -> None:
    with pytest.raises(ReplyIncomplete):
        lags_ms(("ab", "cd"), [0, 0], sightings)


def test_only_letters_and_digits_are_compared_so_markup_and_cursors_do_not_matter() -> None:
    assert letters("## É: **total** += 1\n") == b"total1"
    assert common_length(letters("One two :shimmer[|]"), b"Onetwothree") == len("Onetwo")
    assert common_length(b"Onetwo", b"Onetwothree") == len("Onetwo")
    assert common_length(b"other", b"Onetwothree") == 0


def test_sightings_keep_the_times_at_which_more_was_visible() -> None:
    order = Order(3, 0, "abc")
    total = letter_counts(order.reply)[-1]
    sightings = Sightings(order)
    for at_ns, visible in ((1, 0), (2, 4), (3, 4), (4, 2)):
        sightings.see(at_ns, visible)
    assert (sightings.grown, sightings.complete) == ([(2, 4)], False)
    sightings.see(5, total)
    assert sightings.complete


def test_an_order_survives_its_prompt_and_its_reply_begins_like_no_other() -> None:
    order, other = Order.new(500, 2.5), Order.new(500, 2.5)
    assert Order.found_in(f"Before. {order.prompt} After.") == order
    assert Order.found_in("Hello") is None
    assert len(order.reply) == 500
    assert order.marker not in letters(order.prompt + "".join(other.reply))


def test_one_run_counts_every_session_and_scales_what_it_took_to_a_thousand_tokens() -> None:
    order = Order(2, 0, "abc")
    first, whole = letter_counts(order.reply)
    text = len("".join(order.reply))
    emission = Emission(emitted_ns=[MILLISECOND, 2 * MILLISECOND], sent_bytes=10 * text)

    def seen(late_ms: int, received: int | None) -> tuple[Seen, Emission]:
        grown = [((1 + late_ms) * MILLISECOND, first), (1001 * MILLISECOND, whole)]
        return Seen(order, 0, grown, received), emission

    measures = measures_of([seen(4, 3 * text), seen(6, None)], cpu_seconds=0.5, memory_mb=None)
    assert measures.first_token_ms == 6
    assert measures.added_ms == 5
    assert measures.tokens_per_second == pytest.approx(2)
    assert measures.bytes_per_byte == pytest.approx((3 + 10) / 2)
    assert measures.cpu_seconds == 125
    assert measures.memory_mb is None


def test_medians_go_number_by_number_and_what_was_not_measured_stays_so() -> None:
    low, high, last = (Measures(n, 10 - n, n, n, n, n, n, None) for n in (1.0, 2.0, 9.0))
    middle = medians([low, last, high])
    assert (middle.first_token_ms, middle.added_ms, middle.memory_mb) == (2.0, 8.0, None)


def test_an_event_has_the_time_of_the_read_that_ended_it() -> None:
    parts = (
        b'id: 1\nevent: delta\ndata: {"content": "one"}\n\n: waiting\n\ndata: {"con',
        b'tent": "two"}\n\n',
        b"data: [DONE]\n\n",
    )
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    byte_by_byte = [(at, answer[at : at + 1]) for at in range(len(answer))]
    (first, one), (second, two) = events(byte_by_byte)
    assert (one, two) == ({"content": "one"}, {"content": "two"})
    assert answer.index(b"one") < first < answer.index(b"two") < second < answer.index(b"[DONE]")
    assert list(events([(7, answer)])) == [(7, one), (7, two)]


def test_a_refused_request_says_what_the_server_said() -> None:
    with pytest.raises(RequestRefused, match="no such persona"):
        list(events([(1, b"HTTP/1.1 404 Not Found\r\n\r\n"), (2, b"no such persona")]))


def message(kind: str, path: tuple[int, ...] = (), body: str = "", *, known_as: str = "") -> ForwardMsg:
    made = ForwardMsg(hash=known_as)
    made.metadata.delta_path[:] = path
    made.metadata.cacheable = bool(known_as)
    if kind == "text":
        made.delta.new_element.markdown.body = body
    elif kind == "block":
        made.delta.add_block.SetInParent()
    elif kind == "known":
        made.ref_hash = body
    elif kind == "begin":
        made.new_session.config.max_cached_message_age = 2
    else:
        made.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
    return made


def test_a_screen_shows_a_reply_that_is_spread_over_elements_and_forgets_what_is_not_drawn_again() -> None:
    reply, screen = b"OnetwothreeFour", Screen()
    for one in (
        message("begin"),
        message("block", (0, 1)),
        message("text", (0, 1, 0), "## One"),
        message("text", (0, 1, 1), "two :shimmer[|]"),
    ):
        screen.apply(one)
    assert screen.visible(reply, b"One") == len(b"Onetwo")
    screen.apply(message("text", (0, 1, 1), "two **three**"))
    screen.apply(message("text", (0, 1, 10), "Four", known_as="h4"))
    assert screen.visible(reply, b"One") == len(reply)
    assert screen.apply(message("end"))
    for one in (message("begin"), message("text", (0, 1, 0), "One"), message("known", (0, 1, 1), "h4")):
        screen.apply(one)
    assert screen.visible(b"OneFourFour", b"One") == len(b"OneFourFour"), "the old stands until the end"
    screen.apply(message("end"))
    assert screen.visible(b"OneFourFour", b"One") == len(b"OneFour")


def test_what_the_provider_emits_is_what_a_client_sees() -> None:
    order = Order.new(300)

    async def measured() -> tuple[Seen, Emission]:
        async with await asyncio.start_server(Provider().serve, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            url = f"http://{host}:{port}"
            seen = (await HttpSession(url, COMPLETIONS).ask(order))()
            return seen, await asyncio.to_thread(emission_of, url, seen)

    seen, emission = asyncio.run(measured())
    assert len(emission.emitted_ns) == 300
    measures = measures_of([(seen, emission)], cpu_seconds=None, memory_mb=None)
    assert measures.lag_p95_ms >= measures.lag_p50_ms > 0
    assert measures.first_token_ms >= measures.added_ms > 0
    assert measures.bytes_per_byte > 1


def test_the_chats_that_actions_are_measured_with_can_be_imported() -> None:
    documents, words = chats()
    body = json.dumps({"format": FORMAT, "version": VERSION, "conversations": documents})
    read = Document.model_validate_json(body).conversations
    assert [len(chat.turns) for chat in read[:3]] == [2 * EXCHANGES, 2 * EXCHANGES, 2]
    for chat, last_words in zip(read, words, strict=True):
        assert [last_words in turn.content for turn in chat.turns].index(True) == len(chat.turns) - 1
        assert last_words in chat.title
    assert len(set(words)) == len(words)


def test_actions_are_told_by_their_median_and_their_95th_percentile() -> None:
    lines = table({"copy a reply": [30.0, 10.0, 20.0], "open": [7.0]})
    assert lines[2:] == ["| copy a reply | 3 | 20 | 30 |", "| open | 1 | 7 | 7 |"]
