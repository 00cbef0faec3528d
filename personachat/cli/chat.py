"""`personachat chat`: one reply, or a conversation, streamed into the terminal.

Only the reply's text goes to stdout. It follows a live reply as the page does, so what arrived before Ctrl-C
or a failure has been written. The conversation is stored with the others of this machine, unless it is
temporary.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from personachat.chat.turns import opening_words
from personachat.cli.console import RED, answer, complain, complain_of, note
from personachat.cli.keys import Keys, has_keys, pressed_keys
from personachat.cli.personas import find
from personachat.cli.prompt import ask, piped_text
from personachat.conversations.model import Conversation, Reply
from personachat.conversations.variables import merged
from personachat.errors import ConversationNotFound, DatabaseDamaged, DatabaseUnavailable, PersonaChatError
from personachat.messages import Failed, Noticed, ReasoningDelta, ReplyEvent, Rethought, TextDelta
from personachat.owners import LOCAL_OWNER
from personachat.personas.persona import DEFAULT_PERSONA_ID, Persona
from personachat.personas.variables import missing, with_values
from personachat.replies.endings import ENDINGS, ending_of
from personachat.replies.live import LiveReply
from personachat.services import Services, build_services
from personachat.settings import Settings

FINE, FAILED, USAGE = 0, 1, 2

LISTEN_SECONDS = 0.1
"""Seconds that a Ctrl-C may go unnoticed while nothing arrives."""

STEERING_KEYS = frozenset("p s")

UNSAVED = (DatabaseUnavailable, DatabaseDamaged)


@dataclass(frozen=True, slots=True)
class ChatTarget:
    """Where to talk: in a new conversation, which is stored unless it is temporary, or in an existing one."""

    temporary: bool = False
    conversation_id: str | None = None
    latest: bool = False

    @property
    def is_new(self) -> bool:
        return self.conversation_id is None and not self.latest


def run(
    persona_id: str | None,
    message: str | None,
    *,
    place: ChatTarget,
    values: Mapping[str, str],
    offline: bool,
    settings: Settings,
) -> int:
    """Answer the message, or talk until the end of input; returns the exit code.

    `persona_id` may be None for an existing conversation: then its last persona answers. The conversation
    stores `values`, the values of the persona's variables.
    """
    logging.getLogger().addHandler(logging.NullHandler())  # an error is printed once, as a sentence
    piped = piped_text()
    text = "\n\n".join(part for part in (message, piped) if part and part.strip())
    if not text and (message is not None or piped is not None):
        complain("There is nothing to send.", "Give a MESSAGE, or pipe one in.")
        return USAGE
    services = build_services(settings)
    try:
        if persona_id is not None:
            persona = find(services.personas, persona_id, by=services.addressed)
            if place.is_new and _lacks_values(persona.persona, merged({}, values)):
                return USAGE
        conversation = _conversation(services, place)
        name = persona_id or _last_speaker(conversation)
        speaker = find(services.personas, name, by=services.addressed)
        all_values = merged(conversation.variables, values)
        if _lacks_values(speaker.persona, all_values):
            return USAGE
        if values:
            services.of(LOCAL_OWNER, surface="cli").chat.give(conversation.id, values)
        terminal = TerminalChat(services, speaker.address, conversation.id, offline=offline)
        if text:
            return terminal.send(text)
        greeter = with_values(speaker.persona, all_values)
        return terminal.talk("" if conversation.path else opening_words(greeter), conversation)
    except UNSAVED as error:
        _complain_of_database(error)
        return FAILED
    finally:
        services.close()


class TerminalChat:
    """A conversation with one persona on stdin, stdout and stderr."""

    def __init__(self, services: Services, persona_id: str, conversation_id: str, *, offline: bool) -> None:
        self._chat = services.of(LOCAL_OWNER, surface="cli").chat
        self._persona_id = persona_id
        self._offline = offline
        self._conversation_id = conversation_id
        self._answering = ""
        self._typed = ""

    def talk(self, opening: str, conversation: Conversation) -> int:
        """Answer line after line until the end of input or Ctrl-C at the prompt."""
        with suppress(ImportError):
            import readline  # noqa: F401, PLC0415  # gives the prompt line editing and history, where it exists
        keys = "During a reply, p or space pauses it and s stops it. " if has_keys() else ""
        note(f"{keys}Ctrl-C stops a reply. At the prompt, Ctrl-C or Ctrl-D exits.")
        if conversation.leaf:
            note(f"[{conversation.title}]\n{conversation.leaf.text}")
        if opening:
            answer(opening, end="\n")
        while (line := ask(self._taken_typed())) is not None:
            if line.strip():
                self.send(line)
        return FINE

    def send(self, text: str) -> int:
        """Send the message and write the reply as it streams; returns the exit code."""
        try:
            live_reply = self._chat.send(
                self._conversation_id, text, persona_id=self._persona_id, offline=self._offline
            )
        except UNSAVED as error:
            _complain_of_database(error)
            return FAILED
        except PersonaChatError as error:
            complain_of(error)
            return FAILED
        with _interruptible() as interrupted, pressed_keys() as keys:
            reply = self._follow(live_reply, interrupted, keys)
        if reply.text and not reply.text.endswith("\n"):
            answer("\n")
        return _report(reply)

    def _follow(self, live_reply: LiveReply, interrupted: threading.Event, keys: Keys) -> Reply:
        seen = 0
        try:
            with live_reply.followed():
                while (events := live_reply.wait(seen, timeout_seconds=LISTEN_SECONDS)) or live_reply.live:
                    for event in events:
                        self._show(event, live_reply)
                    seen += len(events)
                    self._steer(live_reply, keys.read())
                    if interrupted.is_set():
                        live_reply.stop()
        finally:
            live_reply.interrupt()  # a closed pipe: nobody reads the output any more
        return live_reply.snapshot()

    def _steer(self, live_reply: LiveReply, pressed: str) -> None:
        """Do what the keys say; several keys at once were pasted, and go to the prompt."""
        if not set(pressed) <= STEERING_KEYS:
            self._typed += "" if pressed.startswith("\x1b") else pressed  # an arrow key, for example
            return
        for key in pressed:
            if key == "s":
                live_reply.stop()
            elif live_reply.state == "paused":
                live_reply.resume()
            elif live_reply.live:
                live_reply.pause()
                note("\n[paused: p resumes, s stops]")

    def _taken_typed(self) -> str:
        typed, self._typed = self._typed, ""
        return "".join(letter for letter in typed if letter.isprintable())

    def _show(self, event: ReplyEvent, live_reply: LiveReply) -> None:
        match event:
            case TextDelta(content):
                answer(content)
            case ReasoningDelta(content):
                note(content, end="")
            case Noticed(message):
                note(f"[{message}]")
            case Rethought():
                note("\n[the model was thinking up to here]")
            case Failed():
                pass
            case _:
                self._name_the_model(live_reply.snapshot())

    def _name_the_model(self, reply: Reply) -> None:
        line = " · ".join(part for part in (reply.model, reply.provider, reply.reason) if part)
        if line != self._answering:
            note(f"[{line}]")
            self._answering = line


def _conversation(services: Services, place: ChatTarget) -> Conversation:
    """The conversation to talk in. Raises ConversationNotFound, DatabaseUnavailable and DatabaseDamaged."""
    workspace = services.of(LOCAL_OWNER, surface="cli")
    if place.conversation_id is not None:
        return workspace.chat.conversation(place.conversation_id, last=1)
    if place.latest:
        newest = workspace.library.list(limit=1).conversations
        if not newest:
            raise ConversationNotFound("There is no conversation to continue yet.")
        return workspace.chat.conversation(newest[0].id, last=1)
    return workspace.chat.start(temporary=place.temporary)


def _lacks_values(persona: Persona, values: Mapping[str, str]) -> bool:
    """Whether a variable of the persona has no value, which is then reported."""
    lacking = missing(persona, values)
    if lacking:
        names = ", ".join(each.name for each in lacking)
        complain(f"{persona.name} needs a value for {names}.", f"Add --value {lacking[0].name}=TEXT.")
    return bool(lacking)


def _last_speaker(conversation: Conversation) -> str:
    return conversation.leaf.persona_id if conversation.leaf else DEFAULT_PERSONA_ID


def _complain_of_database(error: PersonaChatError) -> None:
    complain(str(error), "Use --temporary to talk without saving.")


def _report(reply: Reply) -> int:
    ending = ending_of(reply.state, reply.finish_reason) or ENDINGS["interrupted"]
    if reply.error is not None:
        complain(reply.error.message, reply.error.hint)
        return ending.exit_code
    if ending.name:
        sentence = ending.sentence or ending.name
        note(f"[{sentence[0].lower()}{sentence[1:]}]", style=RED)
    if figures := _figures(reply):
        note(f"[{figures}]")
    return ending.exit_code


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


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Inside this block, Ctrl-C sets the event instead of raising, so that stdout gets complete words."""
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # a background job must not be interrupted
        yield interrupted
        return
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
