"""Hypothesis strategies for the product's values."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from personachat.personas.persona import Example, Persona, Personality

storable = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
one_line = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(storable),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(storable), inner, max_size=3),
    max_leaves=8,
)


def _texts(most: int, *, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(storable, min_size=least, max_size=min(most, 60))


def _filled(alphabet: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=min(most, 60)).filter(lambda text: bool(text.strip()))


def _lists(entries: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(entries, max_size=min(most, 4)).map(tuple)


@st.composite
def personas(draw: st.DrawFn) -> Persona:
    """Every key may be set, with whatever its rule allows."""
    ids = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True).filter(lambda text: len(text) > 4)
    return Persona(
        id=draw(ids),
        name=draw(_filled(one_line, 80)),
        description=draw(_texts(2000)),
        system_prompt=draw(_filled(storable, 32_000)),
        temperature=draw(st.floats(0, 2)),
        max_tokens=draw(st.integers(1, 1_000_000)),
        model=draw(_filled(one_line, 200)),
        personality=Personality(
            tone=draw(_texts(1000)), style=draw(_texts(1000)), formality=draw(_texts(1000))
        ),
        greeting=draw(_texts(16_000)),
        alternate_greetings=draw(_lists(_filled(storable, 16_000), 50)),
        starters=draw(_lists(_filled(one_line, 300), 12)),
        examples=draw(
            _lists(st.builds(Example, user=_filled(storable, 99), assistant=_filled(storable, 99)), 50)
        ),
        tags=draw(_lists(_filled(one_line, 60), 50)),
        avatar=draw(st.sampled_from(["", "🧭", "👩\u200d🔬", "✏️", "#️⃣", ":material/school:"])),
        top_p=draw(st.none() | st.floats(0, 1)),
        stop=draw(_lists(_texts(200, least=1), 4)),
        context_tokens=draw(st.none() | st.integers(256, 10_000_000)),
        summarize=draw(st.booleans()),
        extensions=draw(st.dictionaries(st.text(storable), json_values, max_size=3)),
    )
