"""The chip beside everything a judge says: how often people have found it to be right."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from personachat.lab.labels import ENOUGH, Agreement
from personachat.lab.pair_labels import PairAgreement


def draw_chip(agreement: Agreement | PairAgreement) -> None:
    """Kappa with its interval once there are enough labels; error rates are in its tooltip."""
    good = agreement.calibrated and agreement.beats_chance
    color: Literal["green", "orange"] = "green" if good else "orange"
    st.badge(words_of(agreement), color=color, help=agreement.sentence)


def words_of(agreement: Agreement | PairAgreement) -> str:
    """E.g. "Kappa 0.75 (0.55 to 0.95)"."""
    if not agreement.calibrated or agreement.kappa is None or agreement.interval is None:
        return "Not calibrated"
    low, high = agreement.interval
    return f"Kappa {agreement.kappa:.2f} ({low:.2f} to {high:.2f})"


def count_of(agreement: Agreement | PairAgreement) -> str:
    """E.g. "12 of 30 labels"."""
    enough = agreement.count >= ENOUGH
    return f"{agreement.count:,} labels" if enough else f"{agreement.count} of {ENOUGH} labels"
