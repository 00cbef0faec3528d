"""How Ollama reads a Modelfile, sign by sign. Source: parser/parser.go of Ollama, as of 2026."""

from __future__ import annotations

COMMANDS = {
    *("from", "license", "template", "system", "adapter", "draft", "renderer", "parser"),
    *("parameter", "message", "requires"),
}
ROLES = {"system", "user", "assistant"}


class NoModelfile(Exception):
    """Ollama refuses the file."""


def unquoted(text: str) -> str | None:
    """What a value says; None while its quotes are open."""
    for quotes in ('"""', '"'):
        if text.startswith(quotes):
            closed = len(text) >= 2 * len(quotes) and text.endswith(quotes)
            return text[len(quotes) : -len(quotes)] if closed else None
    return text


def _word(text: str, at: int, *, digits: bool = False) -> tuple[str, int]:
    """The name that begins here, which a space has to follow, and where the rest begins."""
    end = at
    while end < len(text) and (
        (text[end].isascii() and text[end].isalpha()) or (digits and text[end] in "0123456789_")
    ):
        end += 1
    if end >= len(text) or text[end] not in " \t":
        raise NoModelfile(f"no space after {text[at:end]!r}")
    return text[at:end], end + 1


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins here: up to the first line end where no quotes are open, as it is printable."""
    written = ""
    for end in range(at, len(text)):
        if text[end] in "\r\n" and (value := unquoted(written.strip())) is not None:
            return value, end
        if text[end].isprintable() or text[end] in "\t\r\n":
            written += text[end]
    value = unquoted(written.strip())
    if value is None:
        raise NoModelfile("quotes are open at the end")
    return value, len(text)


def _command(text: str, at: int) -> tuple[str, str, str, int]:
    command, at = _word(text, at)
    command, head = command.lower(), ""
    if command not in COMMANDS:
        raise NoModelfile(f"unknown command {command!r}")
    if command in ("parameter", "message"):
        head, at = _word(text, at, digits=command == "parameter")
    if command == "message" and head not in ROLES:
        raise NoModelfile(f"unknown role {head!r}")
    return command, head, *_value(text, at)


def read(text: str) -> list[tuple[str, str, str]]:
    """Each command with the role or the name that follows it, and its value. Raises NoModelfile."""
    commands = []
    at = 0
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
        elif text[at] == "#":
            at = next((end for end in range(at, len(text)) if text[end] in "\r\n"), len(text))
        else:
            command, head, value, at = _command(text, at)
            commands.append((command, head, value))
    if not any(command == "from" for command, *_ in commands):
        raise NoModelfile("no FROM line")
    return commands
