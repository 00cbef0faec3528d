"""Setups in an address: read as they were written, and never trusted."""

from __future__ import annotations

import pytest

from personachat.lab.comparisons.links import link_of, setup_of
from personachat.lab.comparisons.model import Setup


@pytest.mark.parametrize(
    "setup",
    [
        Setup(persona_id="ada"),
        Setup(persona_id="ada@stable", revision=3),
        Setup(persona_id="ada", text=""),
        Setup(persona_id="ada", model="near/a;b=c&d ü", temperature=0.0, top_p=0.25),
        Setup(persona_id="ada", temperature=1.2, max_tokens=50, samples=4),
        Setup(persona_id="ada", tone="dry; warm = no", style="", formality="für Sie & dich"),
    ],
)
def test_a_setup_comes_back_as_it_was(setup: Setup) -> None:
    assert setup_of(link_of(setup)) == setup


def test_a_drafts_words_are_in_no_address() -> None:
    assert link_of(Setup(persona_id="ada", text="secret words")) == "ada;draft"


@pytest.mark.parametrize(
    "link",
    [
        "ada;temperature=nan;top_p=7;max_tokens=-1;samples=99;revision=x",
        "ada;temperature=1e999;;;=;x",
        "ada;temperature=;revision=0;samples=0;max_tokens=²",
    ],
)
def test_what_a_link_says_wrongly_is_left_out(link: str) -> None:
    assert setup_of(link) == Setup(persona_id="ada")


def test_a_link_of_any_length_is_read() -> None:
    assert len(setup_of("x" * 100_000).persona_id) == 200
    assert setup_of("").persona_id == ""
