"""Hypothesis strategies for trees of turns, with whatever may stand in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from hypothesis import strategies as st

from personachat.conversations.model import Reply, Turn
from personachat.messages import Failed, Usage
from personachat.stamps import new_id
from tests.strategies import storable

texts = st.text(storable, max_size=40) | st.sampled_from(
    ["```py\nx", "\ufeffx", "\u2028", "a\r\nb\r", "👩\u200d🔬", '"', "=1+1", "\x7f\x01", "\U0001d518"]
)
names = st.text(storable, max_size=30)
avatars = st.sampled_from([None, "🧭", ":material/school:", "👩\u200d🔬"])
moments = st.datetimes(datetime(1971, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # the zone is added by what takes it
seconds = st.none() | st.floats(0, 1e6)
counts = st.none() | st.integers(0, 2**31 - 1)
usages = st.builds(Usage, st.integers(0, 2**31 - 1), counts)
failures = st.builds(Failed, names, texts, texts, seconds)

replies = st.builds(
    Reply,
    state=st.sampled_from(["stopped", "finished", "failed", "interrupted"]),
    text=texts,
    reasoning=texts,
    provider=names,
    model=names,
    reason=texts,
    notices=st.lists(texts, max_size=2).map(tuple),
    usage=st.none() | usages,
    cost_usd=seconds,
    finish_reason=st.sampled_from([None, "stop", "length", "content_filter", "refusal", "stopped"]),
    error=st.none() | failures,
    first_token_seconds=seconds,
    reasoning_seconds=seconds,
    duration_seconds=seconds,
    memory_from=counts,
    summary=texts,
)


@st.composite
def trees(draw: st.DrawFn) -> list[Turn]:
    """Turns, parents before children, in any shape, with several roots too."""
    made: list[Turn] = []
    for _ in range(draw(st.integers(1, 8))):
        above = draw(st.none() | st.sampled_from(made)) if made else None
        role: Literal["user", "assistant"] = "assistant" if draw(st.booleans()) else "user"
        reply = draw(st.none() | replies) if role == "assistant" else None
        made.append(
            Turn(
                id=new_id(),
                parent_id=above.id if above else None,
                role=role,
                content="" if reply else draw(texts),
                persona_id=draw(names),
                persona_name=draw(names),
                avatar=draw(avatars),
                persona_revision=draw(names),
                reply=reply,
                depth=above.depth + 1 if above else 0,
                created_at=draw(moments),
                edited=draw(st.booleans()),
                rating=draw(st.sampled_from([None, 1, -1])),
                rating_note=draw(texts),
            )
        )
    return made
