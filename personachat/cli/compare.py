"""`personachat compare`: one message to several variants, printed side by side or one after another.

The comparison is stored, and its page shows it too. Ctrl-C stops the replies and prints what has arrived.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import typer

from personachat.cli.console import answer, complain, note, plain
from personachat.cli.personas import find
from personachat.cli.prompt import piped_text
from personachat.errors import CostLimitReached
from personachat.lab.comparisons.exporting import document
from personachat.lab.comparisons.links import setup_of
from personachat.lab.comparisons.message_tables import column_called, messages_of, read_table
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.seen import SeenAnswer, SeenComparison
from personachat.lab.comparisons.service import Comparisons
from personachat.owners import LOCAL_OWNER
from personachat.services import build_services
from personachat.settings import Settings

FINE, FAILED, USAGE, STOPPED = 0, 1, 2, 130

LEAST_WIDTH = 34
"""Characters of a column; a narrower one is unreadable."""

_GAP = " │ "
_LISTEN_SECONDS = 0.1


def setups_of(
    personas: Sequence[str],
    *,
    models: Sequence[str],
    temperatures: Sequence[float],
    variants: Sequence[str],
) -> list[Setup]:
    """The setups in the options, one for each. Raises typer.BadParameter."""
    more_setups = [setup_of(each) for each in variants]
    setups = [Setup(persona_id=each) for each in personas]
    if (models or temperatures) and not setups:
        raise typer.BadParameter("Choose a persona with --persona ID.", param_hint="--persona")
    setups = _spread(setups, [{"model": each} for each in models], "--model")
    setups = _spread(setups, [{"temperature": each} for each in temperatures], "--temperature")
    if len(setups) + len(more_setups) == 1 and (setups or more_setups)[0].samples == 1:
        raise typer.BadParameter(
            "A comparison needs at least two variants.", param_hint="--persona, --model, --temperature"
        )
    if not setups and not more_setups:
        raise typer.BadParameter("Choose personas with --persona ID.", param_hint="--persona")
    return [*setups, *more_setups]


def run(
    setups: Sequence[Setup],
    message: str | None,
    *,
    messages_file: Path | None = None,
    column: str | None = None,
    most_cost_usd: float | None = None,
    as_json: bool,
    settings: Settings,
) -> int:
    """Compare and print; returns the exit code."""
    logging.getLogger().addHandler(logging.NullHandler())  # an error is printed once, as a sentence
    messages = _messages(message, messages_file, column=column)
    if not messages:
        complain("There is nothing to send.", "Give a MESSAGE or a file with --messages, or pipe one in.")
        return USAGE
    services = build_services(settings)
    try:
        for each in setups:
            find(services.personas, each.persona_id, by=services.addressed)
        comparisons = services.of(LOCAL_OWNER, surface="cli").comparisons
        comparison_id = comparisons.begin(
            setups, messages[0], waiting=messages[1:], most_cost_usd=most_cost_usd
        )
        return _follow(comparisons, comparison_id, as_json=as_json)
    finally:
        services.close()


def _messages(message: str | None, messages_file: Path | None, *, column: str | None) -> list[str]:
    """The messages to send. Raises typer.BadParameter, and QuestionSetInvalid for a file without any."""
    if messages_file is None:
        text = "\n\n".join(part for part in (message, piped_text()) if part and part.strip())
        return [text] if text else []
    if message:
        raise typer.BadParameter("Give either a MESSAGE or --messages.", param_hint="--messages")
    try:
        table = read_table(messages_file.read_bytes(), file_name=messages_file.name)
    except OSError as error:
        raise typer.BadParameter(f"The file can't be read: {error}", param_hint="--messages") from error
    number = table.likely if column is None else column_called(table, column)
    named = table.has_names or (column is not None and not column.isdecimal())
    return list(messages_of(table, number, has_names=named).messages)


def _follow(comparisons: Comparisons, comparison_id: str, *, as_json: bool) -> int:
    """Wait for all replies to all messages, and print them when they are complete."""
    failed = False
    while True:
        stopped = _waited(comparisons, comparison_id)
        comparison = comparisons.seen(comparison_id)
        failed |= any(each.state != "finished" for each in comparison.rounds[-1].answers)
        if not as_json:
            _print(comparison)
        if stopped or not comparison.waiting:
            break
        try:
            comparisons.send_next(comparison_id)
        except CostLimitReached as error:
            complain(str(error), f"{len(comparison.waiting)} of the messages were not sent.")
            failed = True
            break
    if as_json:
        answer(json.dumps(document(comparison), indent=2, ensure_ascii=False), end="\n")
    else:
        note(f"Saved as {comparison.id}.")
    return STOPPED if stopped else FAILED if failed else FINE


def _spread(setups: list[Setup], values: Sequence[dict[str, object]], option: str) -> list[Setup]:
    """One value for all, one for each, or several for a single one."""
    if not values:
        return setups
    if len(setups) == 1:
        return [replace(setups[0], **each) for each in values]  # type: ignore[arg-type]  # values are checked when they are parsed
    if len(values) == 1:
        return [replace(each, **values[0]) for each in setups]  # type: ignore[arg-type]  # values are checked when they are parsed
    if len(values) == len(setups):
        return [replace(each, **value) for each, value in zip(setups, values, strict=True)]  # type: ignore[arg-type]  # values are checked when they are parsed
    raise typer.BadParameter(
        f"Give {option} once, or once for each of the {len(setups)} variants.", param_hint=option
    )


def _waited(comparisons: Comparisons, comparison_id: str) -> bool:
    """Wait for all replies; returns whether Ctrl-C stopped them."""
    columns = [live_reply for _, live_reply in comparisons.live(comparison_id)]
    try:
        for live_reply in columns:
            seen = 0
            while live_reply.live:
                seen += len(live_reply.wait(seen, timeout_seconds=_LISTEN_SECONDS))
    except KeyboardInterrupt:
        comparisons.stop(comparison_id)
        return True
    return False


def _print(comparison: SeenComparison) -> None:
    """The last message's replies."""
    last = comparison.rounds[-1]
    answers = last.answers
    if last.number > 1 or comparison.waiting:
        answer(f"{'' if last.number == 1 else chr(10)}> {plain(last.message)}\n", end="\n")
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    width = (room - len(_GAP) * (len(answers) - 1)) // len(answers)
    if width >= LEAST_WIDTH:
        for line in side_by_side([(_head(each), _text(each)) for each in answers], width=width):
            answer(line, end="\n")
    else:
        for number, each in enumerate(answers):
            answer(f"{'' if number == 0 else chr(10)}== {_head(each)}\n{_text(each)}", end="\n")
    for each in answers:
        note(f"{each.letter}: {_figures(each)}")


def side_by_side(columns: Sequence[tuple[str, str]], *, width: int) -> list[str]:
    """Lines of columns with a heading each, as wide as a terminal shows them."""
    wrapped = [[*wrap(head, width), "─" * width, *wrap(text, width)] for head, text in columns]
    return [
        _GAP.join(each + " " * (width - cells(each)) for each in line).rstrip()
        for line in zip_longest(*wrapped, fillvalue="")
    ]


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most so many cells, broken between words if there are any."""
    lines: list[str] = []
    for paragraph in plain(text.expandtabs(4)).split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}" if line else word
            if cells(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            *whole, line = _pieces(word, width)
            lines += whole
        lines.append(line)
    return lines


def cells(text: str) -> int:
    """Its width in a terminal."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def _pieces(word: str, width: int) -> list[str]:
    pieces = [""]
    for each in word:
        if cells(pieces[-1] + each) > width:
            pieces.append("")
        pieces[-1] += each
    return pieces


def _head(each: SeenAnswer) -> str:
    return f"{each.letter} {each.variant.name}" if each.variant else each.letter


def _text(each: SeenAnswer) -> str:
    error = each.reply.error if each.reply else None
    parts = [each.text, f"[{error.message}]" if error else ""]
    if each.state in {"stopped", "interrupted", "missing"}:
        parts.append(f"[{each.state}]")
    return "\n".join(part for part in parts if part)


def _figures(each: SeenAnswer) -> str:
    reply = each.reply
    if reply is None:
        return each.state
    parts = [reply.model or "no model"]
    if reply.usage and reply.usage.completion_tokens is not None:
        parts.append(f"{reply.usage.completion_tokens:,} tokens")
        speed = reply.tokens_per_second(reply.usage.completion_tokens)
        parts += [f"{speed:.0f}/s"] if speed else []
    if reply.first_token_seconds is not None:
        parts.append(f"{reply.first_token_seconds:.1f} s to first token")
    if reply.cost_usd is not None:
        parts.append(f"${reply.cost_usd:.4f}")
    return " · ".join(parts)
