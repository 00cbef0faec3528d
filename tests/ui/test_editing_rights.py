"""Who may change the shared personas: by the server, by where they sit, and by what the operator says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from personachat.settings import load_settings
from personachat.ui import address, editing_rights

VISITOR, LOCAL, ACCOUNT = "visitor", "local", "account"


@pytest.mark.parametrize(
    ("ours", "wanted", "who"),
    [
        (True, None, {LOCAL, ACCOUNT}),
        (True, True, {VISITOR, LOCAL, ACCOUNT}),
        (True, False, {LOCAL}),
        (False, None, {VISITOR, LOCAL, ACCOUNT}),
        (False, True, {VISITOR, LOCAL, ACCOUNT}),
        (False, False, set[str]()),
    ],
)
def test_who_may_edit(monkeypatch: pytest.MonkeyPatch, *, ours: bool, wanted: Any, who: set[str]) -> None:
    settings = load_settings(public_editing=wanted)
    monkeypatch.setattr(address, "_served", {"api"} if ours else set())
    for each in (VISITOR, LOCAL, ACCOUNT):
        user = {"is_logged_in": each == ACCOUNT}
        monkeypatch.setattr(editing_rights, "is_local", lambda each=each: each == LOCAL)
        monkeypatch.setattr(editing_rights, "st", SimpleNamespace(user=user))
        assert editing_rights.may_edit(settings) is (each in who)
