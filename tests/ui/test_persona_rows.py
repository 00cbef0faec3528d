"""The rows of the list of personas."""

from __future__ import annotations

import pytest

from personachat.ui.faces import DEFAULT_AVATAR
from personachat.ui.personas.rows import rows
from personachat.ui.session import PersonaDraft
from tests.conftest import persona_text


@pytest.mark.parametrize(
    ("text", "avatar"),
    [
        (persona_text("tutor", avatar=":material/school:"), ":material/school:"),
        (persona_text("tutor", avatar="/etc/passwd"), DEFAULT_AVATAR),
        (persona_text("tutor"), DEFAULT_AVATAR),
        ('{"avatar": 7}', DEFAULT_AVATAR),
        ("{", DEFAULT_AVATAR),
    ],
)
def test_a_persona_that_is_not_saved_yet_has_its_own_avatar(text: str, avatar: str) -> None:
    [row] = rows([], {"tutor": PersonaDraft(text, "", None)})

    assert row.avatar == avatar
