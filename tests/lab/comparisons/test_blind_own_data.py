"""What is kept of a person doesn't tell them who wrote what, as long as their blind vote is open."""

from __future__ import annotations

import io
import zipfile

import pytest

from personachat.lab.comparisons.model import Setup
from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from tests.conftest import local
from tests.fake_provider import FakeProvider
from tests.lab.comparisons.conftest import ended

NAMES = ("canary-1", "canary-2")


def files_of(services: Services, owner: str, *, by: str) -> dict[str, str]:
    exported = services.administrator(by).export_person(owner)
    archive = zipfile.ZipFile(io.BytesIO(exported.content))
    return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("way", ["vote", "reveal"])
def test_an_administrators_own_data_has_no_reply_that_waits_for_their_blind_vote(
    way: str, comparing_services: Services, fake: FakeProvider
) -> None:
    mine = local(comparing_services).comparisons
    setups = [Setup(persona_id="ada", model=name) for name in NAMES]
    seen_before = mine.begin(setups[:1] * 2, "An open one?")
    ended(mine, seen_before)
    blind = mine.begin(setups, "Which bird?", blind=True)
    ended(mine, blind)
    files = files_of(comparing_services, LOCAL_OWNER, by=LOCAL_OWNER)
    assert "canary-2" not in str(files)
    assert "An open one?" in files["comparisons.json"]
    assert "blind vote is open" in files["left-out.txt"]

    if way == "vote":
        mine.vote(blind, 1, "tie")
    else:
        mine.reveal(blind, 1)
    files = files_of(comparing_services, LOCAL_OWNER, by=LOCAL_OWNER)
    assert "canary-2" in files["comparisons.json"]
    assert "left-out.txt" not in files


def test_what_is_handed_out_of_somebody_else_is_whole(comparing_services: Services) -> None:
    theirs = comparing_services.of("user:bo").comparisons
    blind = theirs.begin([Setup(persona_id="ada", model=name) for name in NAMES], "Which bird?", blind=True)
    ended(theirs, blind)
    files = files_of(comparing_services, "user:bo", by=LOCAL_OWNER)
    assert all(name in files["comparisons.json"] for name in NAMES)
