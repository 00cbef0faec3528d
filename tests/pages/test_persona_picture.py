"""A persona's picture on the pages: added and taken away in the form, shown wherever the persona speaks."""

from __future__ import annotations

import json

import pytest
from streamlit.elements.lib import image_utils
from streamlit.elements.widgets import chat
from streamlit.testing.v1 import AppTest

from personachat.avatars import avatar_in, face_with, picture_in, safe_face
from personachat.owners import LOCAL_OWNER
from personachat.services import Services, get_services
from personachat.ui import faces
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click, converse, library
from tests.pictures.drawn import BLUE, opened, picture

pytestmark = pytest.mark.usefixtures("local")

DIGEST = "0123456789abcdef" * 2


def test_a_turn_keeps_the_picture_and_the_avatar_its_persona_had() -> None:
    face = face_with(DIGEST, "🧭")
    assert (picture_in(face), avatar_in(face), safe_face(face)) == (DIGEST, "🧭", face)
    assert face_with("", "🧭") == "🧭"
    long = face_with(DIGEST, f":material/{'a' * 60}:")
    assert (picture_in(long), avatar_in(long), len(long) <= 80) == (DIGEST, None, True)


@pytest.mark.parametrize(
    "face",
    [
        None,
        "",
        ":picture/",
        f":picture/{DIGEST}",
        f":picture/{DIGEST.upper()}:",
        "/etc/passwd",
        ":picture/../x:",
    ],
)
def test_what_is_no_face_is_nobodys(face: str | None) -> None:
    assert picture_in(face) == ""
    assert safe_face(face) is None
    assert faces.face_of_turn(face) == faces.DEFAULT_AVATAR


def test_what_cannot_be_an_avatar_is_dropped_beside_a_picture_too() -> None:
    assert safe_face(f":picture/{DIGEST}:/etc/passwd") == f":picture/{DIGEST}:"


def test_where_a_picture_is_not_here_the_avatar_stands_for_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "get_services", lambda: services)
    services.personas.create(persona_text("lost", picture=DIGEST, avatar="🧭"))
    persona = services.personas.get("lost").persona
    assert faces.face(persona) == "🧭"
    assert faces.face_of_turn(face_with(DIGEST, "🧭")) == "🧭"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Streamlit was given as a picture, in order."""
    given: list[object] = []

    def image_to_url(image: object, *_: object, **__: object) -> str:
        given.append(image)
        return ""

    monkeypatch.setattr(chat, "image_to_url", image_to_url)
    monkeypatch.setattr(image_utils, "image_to_url", image_to_url)
    return given


def pictured(persona_id: str = "second") -> bytes:
    """Give a persona a picture and return what is drawn of it."""
    collection = get_services().of(LOCAL_OWNER).collection
    name = collection.add_picture(picture(colour=BLUE))
    collection.set_picture(persona_id, name)
    return collection.pictures.thumbs([name])[name]


def form_of(page: AppTest, persona_id: str = "second") -> AppTest:
    page.switch_page("pages/personas.py")
    page.query_params["id"] = persona_id
    page.run()
    page.session_state["persona_tab"] = "Form"
    page.run()
    assert not page.exception
    return page


def saved_picture() -> str:
    return get_services().personas.get("second").persona.picture


def test_a_picture_stands_beside_what_the_persona_says(open_home: OpenPage, drawn: list[object]) -> None:
    page = open_home()
    small = pictured()
    chat_id = converse("A talk", persona_id="second")
    page.query_params["chat"] = chat_id
    page.run()
    assert not page.exception
    assert drawn.count(small) == 2, "the two turns of the persona, and not those of the person"
    assert all(each is small or each == small for each in drawn)


def test_a_shared_conversation_shows_it(open_home: OpenPage, drawn: list[object]) -> None:
    page = open_home()
    small = pictured()
    token = library().share(converse("A talk", persona_id="second")).token
    page.switch_page("pages/shared.py")
    page.query_params["token"] = token
    page.run()
    assert not page.exception
    assert small in drawn


def test_the_form_shows_the_picture_takes_it_away_and_brings_it_back(
    open_home: OpenPage, drawn: list[object]
) -> None:
    page = open_home()
    small = pictured()
    form_of(page)
    assert small in drawn
    click(page, "remove_picture")
    assert any("No picture" in each.value for each in page.caption)
    assert saved_picture(), "nothing is saved before Save"
    click(page, "undo_picture")
    assert not any("No picture" in each.value for each in page.caption)
    assert page.session_state["persona_drafts"] == {}


def test_a_file_becomes_the_picture_of_the_draft(open_home: OpenPage) -> None:
    page = form_of(open_home())
    assert any("No picture" in each.value for each in page.caption)
    upload(page, picture("JPEG", (300, 200)))
    draft = page.session_state["persona_drafts"]["second"]
    name = json.loads(draft.text)["picture"]
    assert opened(get_services().pictures.content(name) or b"").size == (200, 200)
    assert saved_picture() == ""


def test_what_is_no_picture_is_said_and_changes_nothing(open_home: OpenPage) -> None:
    page = form_of(open_home())
    upload(page, b"<svg/>")
    assert any("SVG" in each.value for each in page.error)
    assert page.session_state["persona_drafts"] == {}


def upload(page: AppTest, content: bytes) -> None:
    (field,) = [each for each in page.file_uploader if (each.key or "").startswith("picture_upload_")]
    field.upload("me.png", content, "image/png")
    page.run()
    assert not page.exception
