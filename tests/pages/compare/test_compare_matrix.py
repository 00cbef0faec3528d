"""More than four variants on the Compare page: a matrix with one reply in full."""

from __future__ import annotations

import pytest

from personachat.lab.comparisons.model import Setup
from tests.fake_provider import FakeProvider, tokens
from tests.lab.comparisons.conftest import ended, without_ids
from tests.pages.compare.compare_page import comparisons, texts, visit
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click

pytestmark = pytest.mark.usefixtures("local")


def begun_with_six(fake: FakeProvider) -> str:
    models = [f"fake-{number}" for number in range(1, 7)]
    fake.answer_by_model({each: tokens([f"Words of {each}."]) for each in models})
    comparison_id = comparisons().begin([Setup(persona_id="ada", model=each) for each in models], "Hello?")
    ended(comparisons(), comparison_id)
    return comparison_id


def test_more_than_four_variants_are_a_matrix_with_one_reply_in_full(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home()
    comparison_id = begun_with_six(fake)
    comparisons().send(comparison_id, "And now?")
    ended(comparisons(), comparison_id)
    visit(page, comparison=comparison_id)
    assert "You said: And now?" in texts(page)
    cells = {each.key: each.label for each in page.main.button if str(each.key).startswith("cell_")}
    assert list(cells) == [f"cell_{number}_{letter}" for number in (1, 2) for letter in "ABCDEF"]
    assert ", message 2, finished, shown below" in cells["cell_2_A"]
    click(page, "cell_1_C")
    assert "Words of fake-3." in texts(page)
    assert "Words of fake-1." not in texts(page)
    click(page, "matrix_next_reply")
    assert "Words of fake-4." in texts(page)
    for _ in range(3):
        click(page, "matrix_next_reply")
    assert "Words of fake-1." in texts(page)  # round the corner
    assert page.button(key="matrix_previous_message").disabled
    click(page, "matrix_next_message")
    click(page, "vote_2_B")
    assert "your vote" in page.button(key="cell_2_B").label
    page.session_state[f"compare_layout_{comparison_id}"] = "Columns"
    page.run()
    assert not [each for each in page.main.button if str(each.key).startswith("cell_")]
    assert "Words of fake-6." in texts(page)


def test_cells_of_a_blind_matrix_name_nobody(open_home: OpenPage) -> None:
    page = open_home()
    setups = [Setup(persona_id="ada", samples=3), Setup(persona_id="bob", samples=2)]
    comparison_id = comparisons().begin(setups, "Hello?", blind=True)
    ended(comparisons(), comparison_id)
    visit(page, comparison=comparison_id)
    helps = repr([each.help for each in page.main.button])
    sent = without_ids(f"{page.main!r} {texts(page)} {helps}".lower())
    for each in ("ada", "bob", "fake-1", "fake-2"):
        assert each not in sent, each
    assert len([each for each in page.main.button if str(each.key).startswith("cell_")]) == 5


def test_six_variants_that_are_begun_here_stream_into_the_matrix(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    models = [f"fake-{number}" for number in range(1, 7)]
    fake.answer_by_model({each: tokens([f"Words of {each}."]) for each in models})
    page = visit(open_home(), variant=[f"ada;model={each}" for each in models], message="Hello?")
    click(page, "begin_comparison")
    page.run()
    assert "Words of fake-1." in texts(page)
    click(page, "cell_1_F")
    assert "Words of fake-6." in texts(page)
