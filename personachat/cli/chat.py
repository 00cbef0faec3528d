"""`personachat chat`: one reply, or a conversation, streamed into the terminal.

The reply's words are all that goes to stdout. It follows a generation as the page does, so what arrived
before Ctrl-C or a failure has been written.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from personachat.chat import opening_words
from personachat.cli.console import RED, answer, complain, complain_of, note
from personachat.cli.personas import find
from personachat.conversations.model import Reply
from personachat.errors import PersonaChatError
from personachat.generation import Generation
from personachat.messages import Failed, Noticed, ReasoningDelta, ReplyEvent, TextDelta
from personachat.services import Services, build_services
from personachat.settings import Settings

FINE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

LISTEN_SECONDS = 0.1
"""How long a Ctrl-C may go unseen while nothing arrives."""

ENDINGS = {
    "length": "cut off at the persona's token limit (maxTokens)",
    "content_filter": "cut off by the provider's content filter",
    "refusal": "the model declined to answer",
    "stopped": "stopped",
}


def run(persona_id: str, message: str | None, *, offline: bool, settings: Settings) -> int:
    """Answer the message, or talk until the end of input; returns the exit code."""
    logging.getLogger().addHandler(logging.NullHandler())  # what fails is said once, in a sentence
    piped = _piped_text()
    text = "\n\n".join(part for part in (message, piped) if part and part.strip())
    if not text and (message is not None or piped is not None):
        complain("There is nothing to send.", "Give a MESSAGE, or pipe one in.")
        return USAGE
    services = build_services(settings)
    try:
        persona = find(services.personas, persona_id).persona
        terminal = TerminalChat(services, persona_id, offline=offline)
        if text:
            return terminal.send(text)
        return terminal.talk(opening_words(persona))
    finally:
        services.close()


class TerminalChat:
    """A conversation with one persona on stdin, stdout and stderr."""

    def __init__(self, services: Services, persona_id: str, *, offline: bool) -> None:
        self._chat = services.chat
        self._persona_id = persona_id
        self._offline = offline
        self._conversation_id = services.chat.start().id
        self._answering = ""

    def talk(self, opening: str) -> int:
        """Answer line after line until the end of input or Ctrl-C at the prompt."""
        with suppress(ImportError):
            import readline  # noqa: F401, PLC0415  # gives the prompt line editing and history, where it exists
        note("Ctrl-C stops a reply; at the prompt it leaves, as Ctrl-D does.")
        if opening:
            answer(opening, end="\n")
        while (line := _ask()) is not None:
            if line.strip():
                self.send(line)
        return FINE

    def send(self, text: str) -> int:
        """Send, write the reply as it comes; returns the exit code."""
        try:
            generation = self._chat.send(
                self._conversation_id, text, persona_id=self._persona_id, offline=self._offline
            )
        except PersonaChatError as error:
            complain_of(error)
            return FAILED
        with _interruptible() as interrupted:
            reply = self._follow(generation, interrupted)
        if reply.text and not reply.text.endswith("\n"):
            answer("\n")
        return _report(reply)

    def _follow(self, generation: Generation, interrupted: threading.Event) -> Reply:
        seen = 0
        try:
            with generation.followed():
                while (events := generation.wait(seen, timeout_seconds=LISTEN_SECONDS)) or generation.running:
                    for event in events:
                        self._show(event, generation)
                    seen += len(events)
                    if interrupted.is_set():
                        generation.stop()
        finally:
            generation.stop()  # a closed pipe: nobody reads on
        return generation.snapshot()

    def _show(self, event: ReplyEvent, generation: Generation) -> None:
        match event:
            case TextDelta(content):
                answer(content)
            case ReasoningDelta(content):
                note(content, end="")
            case Noticed(message):
                note(f"[{message}]")
            case Failed():
                pass
            case _:
                self._name_the_model(generation.snapshot())

    def _name_the_model(self, reply: Reply) -> None:
        line = " · ".join(part for part in (reply.model, reply.provider, reply.reason) if part)
        if line != self._answering:
            note(f"[{line}]")
            self._answering = line


def _report(reply: Reply) -> int:
    if reply.error is not None:
        complain(reply.error.message, reply.error.hint)
        return FAILED
    ending = ENDINGS.get(reply.finish_reason or "", "")
    if ending:
        note(f"[{ending}]", style=RED)
    if figures := _figures(reply):
        note(f"[{figures}]")
    return INTERRUPTED if reply.state == "stopped" else FINE


def _figures(reply: Reply) -> str:
    figures = []
    tokens = reply.usage.completion_tokens if reply.usage else None
    if tokens:
        figures.append(f"{tokens} tokens")
    if reply.first_token_seconds is not None:
        figures.append(f"first after {reply.first_token_seconds:.1f} s")
    rate = reply.tokens_per_second(tokens or 0)
    if rate is not None:
        figures.append(f"{rate:.0f}/s")
    return " · ".join(figures)


def _piped_text() -> str | None:
    """What is piped in; None where stdin is a terminal."""
    if sys.stdin is None:  # closed by whoever started us
        return ""
    if sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


def _ask() -> str | None:
    """A line from the terminal; None at its end and on Ctrl-C."""
    try:
        if sys.stdout.isatty():
            return input("> ")
        note("> ", style="", end="")  # stdout is for the replies alone
        return sys.stdin.readline() or None
    except (EOFError, KeyboardInterrupt):
        note("")
        return None


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Within, Ctrl-C sets the event instead of raising, so that no word gets lost half way to stdout."""
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # a background job is not to be interrupted
        yield interrupted
        return
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
