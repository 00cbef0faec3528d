"""The decoder of server-sent events, whatever the network does to the bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.providers.openai.sse import EventTooLarge, ServerSentEvent, SSEDecoder

STREAM = (
    b"\xef\xbb\xbf: hello\r\n\r\nid: 1\r\n: comment after an id\r\ndata: one\r\n\r\nretry: 3000\n\n"
    b"event: ping\n\ndata:\n\ndata: \n\ndata:no space\r\rdata: two\ndata: lines\n\n"
    b"event: error\ndata: {}\n\nunknown: field\ndata\ndata: last\n\n"
)
EVENTS = [
    ServerSentEvent(b"", b"one"),
    ServerSentEvent(b"", b"no space"),
    ServerSentEvent(b"", b"two\nlines"),
    ServerSentEvent(b"error", b"{}"),
    ServerSentEvent(b"", b"last"),
]


def decode(*chunks: bytes) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.finish()


def test_only_events_with_data_come_out() -> None:
    assert decode(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_it_does_not_matter_where_the_network_cuts(cuts: list[int]) -> None:
    edges = sorted({0, *cuts, len(STREAM)})
    assert decode(*(STREAM[a:b] for a, b in pairwise(edges))) == EVENTS


def test_every_byte_may_come_alone() -> None:
    assert decode(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == EVENTS


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_comes_out_as_soon_as_its_blank_line_is_there(end: bytes) -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: now" + end) == []
    assert decoder.feed(end) == [ServerSentEvent(b"", b"now")]


def test_a_crlf_cut_in_two_is_one_line_end() -> None:
    assert decode(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [ServerSentEvent(b"", b"a\nb")]


def test_an_event_whose_last_newline_is_missing_is_kept() -> None:
    assert decode(b"data: [DONE]") == [ServerSentEvent(b"", b"[DONE]")]


def test_bytes_that_are_no_utf8_do_not_disturb_the_events_around_them() -> None:
    assert [event.data for event in decode(b"data: a\n\ndata: \xff\n\ndata: b\n\n")] == [b"a", b"\xff", b"b"]


@pytest.mark.parametrize("unending", [b"x" * 64, b"data: yes\n" * 8])
def test_an_event_without_end_is_refused(unending: bytes) -> None:
    decoder = SSEDecoder(max_event_bytes=1000)
    with pytest.raises(EventTooLarge):
        [decoder.feed(unending) for _ in range(100)]
