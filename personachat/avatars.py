"""What an avatar may be: one emoji, or `:material/name:` with a name from Material Symbols.

Streamlit opens any other string as the path or address of a picture, so nothing else is allowed.
`avatar_fault` refuses it in input, and `safe_avatar` ignores it in stored data.
"""

from __future__ import annotations

import difflib
import re
from functools import cache, lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

MOST_CHARACTERS = 80

_MATERIAL = re.compile(r":material/([a-z0-9_]+):")
_EMOJI_SHAPE = re.compile("[#*0-9\u00a9-\U0010ffff][\u00a9-\U0010ffff]{0,15}")
_VARIATION = "\ufe0f"
_FACE = re.compile(r":picture/([0-9a-f]{32}):(.*)")


def avatar_fault(avatar: str) -> str:
    """Why this can't be an avatar, as a sentence; "" if it can. "" itself means that none is set."""
    if not avatar:
        return ""
    if avatar.startswith(":"):
        return _icon_fault(avatar)
    emoji = _streamlit_names("emojis", "ALL_EMOJIS")
    shaped = not avatar.isascii() and bool(_EMOJI_SHAPE.fullmatch(avatar))
    if shaped and (not emoji or avatar.replace(_VARIATION, "") in emoji):
        return ""
    return 'must be one emoji such as "🧭", or an icon such as ":material/school:"'


@lru_cache(maxsize=4096)
def safe_avatar(avatar: str | None) -> str | None:
    """The avatar if it is valid; None if it isn't or none is set."""
    return avatar if avatar and not avatar_fault(avatar) else None


# --- the face of a speaker: what a turn keeps of its persona's picture and avatar ---------------------


def face_with(picture: str, avatar: str) -> str:
    """The avatar, with the name of the picture before it if there is one."""
    if not picture:
        return avatar
    face = f":picture/{picture}:{avatar}"
    return face if len(face) <= MOST_CHARACTERS else f":picture/{picture}:"


def picture_in(face: str | None) -> str:
    """The name of the picture in a face; "" if there is none."""
    match = _FACE.fullmatch(face) if face and face.startswith(":picture/") else None
    return match[1] if match else ""


def avatar_in(face: str | None) -> str | None:
    """The avatar in a face if it is valid; None if it isn't or none is set."""
    match = _FACE.fullmatch(face) if face and face.startswith(":picture/") else None
    return safe_avatar(match[2] if match else face)


def safe_face(face: str | None) -> str | None:
    """The face without an invalid avatar; None if nothing is left."""
    picture = picture_in(face)
    return face_with(picture, avatar_in(face) or "") if picture else safe_avatar(face)


def _icon_fault(avatar: str) -> str:
    match = _MATERIAL.fullmatch(avatar)
    if not match:
        return 'must be written like ":material/school:", or be one emoji such as "🧭"'
    icons = _streamlit_names("material_icon_names", "ALL_MATERIAL_ICONS")
    name = match[1]
    if not icons or name in icons:
        return ""
    near = difflib.get_close_matches(name[:40], icons, n=1)
    advice = (
        f'did you mean ":material/{near[0]}:"?' if near else ("look up the name in Google's Material Symbols")
    )
    return f"names an icon that doesn't exist; {advice}"


@cache
def _streamlit_names(filename: str, name: str) -> frozenset[str]:
    """Streamlit's list of icons, from its module alone: importing all of Streamlit takes a second.

    Empty if it can't be found. Then only the avatar's form is checked.
    """
    package = find_spec("streamlit")
    if not package or not package.origin:
        return frozenset()
    spec = spec_from_file_location(f"streamlit.{filename}", Path(package.origin).with_name(f"{filename}.py"))
    if not spec or not spec.loader:
        return frozenset()
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (OSError, ImportError, SyntaxError):
        return frozenset()
    return frozenset(getattr(module, name, ()))
