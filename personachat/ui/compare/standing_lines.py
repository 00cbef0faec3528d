"""A standing as a list, best first, with the votes behind each place."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from personachat.lab.standing import Standing
from personachat.ui.wording import counted, escaped


def draw(standing: Standing, names: Mapping[str, str]) -> None:
    lines = [
        f"1. **{escaped(names[place.id])}**: won {place.wins}, lost {place.losses}, tied {place.ties} "
        f"({_percent(place.share)}, likely {_percent(place.low)} to {_percent(place.high)})"
        for place in standing.places
    ]
    st.markdown("\n".join(lines))
    if standing.both_bad:
        st.caption(f"{counted(standing.both_bad, 'vote')} said that none was good.")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
