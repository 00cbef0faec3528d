"""Conversations of other programs: finds out which program wrote a file, and converts it to our document.

Our own files, and unknown ones, stay as they are: the import of our document reports what is wrong with them.
From an archive, only the conversations are unpacked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from personachat.errors import ImportRefused
from personachat.history.chats import chatgpt, open_webui, sillytavern
from personachat.history.documents import FORMAT, MOST_CONVERSATIONS, VERSION
from personachat.history.importing import MOST_BYTES
from personachat.jsontext.members import Torn, pieces, value_count
from personachat.personas.formats.safe_zip import Archive, Content, Limits, is_zip

MOST_MARKS = 4_000_000
"""Brackets and commas per file; more would take many seconds to read."""

MOST_VALUES = 1_000_000
"""Per conversation."""

_MB = 1024 * 1024
_LIMITS = Limits(file_bytes=256 * _MB, entries=20_000, entry_bytes=4 * MOST_BYTES, total_bytes=4 * MOST_BYTES)
_CHATGPT_FILE = re.compile(r"(?:.*/)?conversations(?:-\d+)?\.json\Z")
_CHAT_FILE = re.compile(r".*\.jsonl\Z")
_HINT = (
    "Choose an export from PersonaChat, ChatGPT (conversations.json or the ZIP file), Open WebUI "
    "or SillyTavern."
)
_READERS: tuple[tuple[Callable[[Any], bool], Callable[[dict[str, Any]], dict[str, Any]]], ...] = (
    (chatgpt.matches, chatgpt.convert),
    (open_webui.matches, open_webui.convert),
)


def as_document(content: Content) -> bytes:
    """The file as our document, if its program is known. Raises ImportRefused."""
    files = _unpacked(content) if is_zip(content) else [content[:]]
    converted_files = [converted for each in files if (converted := _converted(each)) is not None]
    if not converted_files:
        return files[0] if not is_zip(content) else _refuse("The file contains no conversations.")
    conversations = [each for some in converted_files for each in some]
    if len(conversations) > MOST_CONVERSATIONS:
        _refuse(f"The file has more than {MOST_CONVERSATIONS:,} conversations, the limit for one import.")
    document = {"format": FORMAT, "version": VERSION, "conversations": conversations}
    written = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    if len(written) > MOST_BYTES:
        _refuse(f"The conversations have more than {MOST_BYTES // _MB} MB of text, the limit for one import.")
    return written


def _unpacked(content: Content) -> list[bytes]:
    archive = Archive(content, limits=_LIMITS)
    names = [name for name in archive.names if _CHATGPT_FILE.match(name)]
    names = names or [name for name in archive.names if _CHAT_FILE.match(name)]
    if not names:
        _refuse("The archive contains no conversations in a known format.")
    if archive.size(*names) > MOST_BYTES:
        _refuse(f"The conversations in the archive have more than {MOST_BYTES // _MB} MB.")
    return [archive.read(name) for name in names]


def _converted(content: bytes) -> list[dict[str, Any]] | None:
    """The conversations of one file; None if it is ours or unknown."""
    if len(content) > MOST_BYTES or FORMAT.encode() in content[:2_000]:
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    start = text.lstrip()[:1]
    if start == "{" and (lines := _lines(text)):
        return [sillytavern.convert(lines)]
    if start == "[":
        return _members_of_list(text)
    if start == "{" and value_count(text) <= MOST_VALUES:
        return _converted_values([_loaded(text)])
    return None


def _members_of_list(text: str) -> list[dict[str, Any]] | None:
    try:
        members = pieces(text, most_marks=MOST_MARKS)
    except Torn:
        if value_count(text) > MOST_MARKS:
            _refuse(f"The file has more than {MOST_MARKS:,} values, the limit for one import.")
        return None  # the fault is reported with its line where our own documents are read
    return _converted_values(_loaded(text[each.start : each.end]) for each in members)


def _converted_values(values: Iterator[Any] | list[Any]) -> list[dict[str, Any]] | None:
    """The conversations in our form; None if the first one's program is unknown."""
    conversations: list[dict[str, Any]] = []
    for value in values:
        convert = next((convert for matches, convert in _READERS if matches(value)), None)
        if convert is None and not conversations:
            return None
        if convert is not None:
            conversations.append(convert(value))
    return conversations or None


def _loaded(text: str) -> Any:
    if value_count(text) > MOST_VALUES:
        _refuse(f"One conversation has more than {MOST_VALUES:,} values.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lines(text: str) -> list[dict[str, Any]] | None:
    """The lines of a SillyTavern chat; None if the file is something else."""
    first, _, rest = text.lstrip().partition("\n")
    if not rest.strip() or not sillytavern.matches(_loaded(first)):
        return None
    if value_count(text) > MOST_MARKS:
        _refuse("The file has more values than one import can take.")
    loaded_lines = [_loaded(line) for line in text.splitlines() if line.strip()]
    return [line for line in loaded_lines if isinstance(line, dict)]


def _refuse(message: str) -> NoReturn:
    raise ImportRefused(message, hint=_HINT)
