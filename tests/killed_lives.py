"""Lives of the whole product that end in SIGKILL: what they had seen, and what the next one finds.

Run as a process of its own, without threads, so that it may fork: every life is a child that builds the
services over one data folder, says something and writes down what arrives. Prints a line of JSON a life.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from typing import Any

import personachat.providers.openai.client
import personachat.services
from personachat.owners import LOCAL_OWNER
from personachat.settings import load_settings


def live(out: int) -> None:
    """Say something and report, line by line, what has arrived, until somebody ends this."""
    services = personachat.services.build_services(load_settings())
    chat = services.of(LOCAL_OWNER).chat
    conversation = chat.start()
    live_reply = chat.send(conversation.id, f"Question {os.getpid()}", persona_id="tester")
    report(out, conversation=conversation.id, reply=live_reply.id, question=f"Question {os.getpid()}")
    seen = 0
    while events := live_reply.wait(seen, timeout_seconds=30):
        seen += len(events)
        report(out, at=time.monotonic(), characters=len(live_reply.snapshot().text))
    os._exit(0)


def look(out: int, conversation_id: str, reply_id: str) -> None:
    """Report what a new life finds of a conversation, once it knows that the other one is dead."""
    services = personachat.services.build_services(load_settings())
    chat = services.of(LOCAL_OWNER).chat
    live_reply = chat.live_reply(reply_id)
    while live_reply.live:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=1)
    found = chat.conversation(conversation_id)
    report(
        out,
        turns=[(turn.role, turn.text, turn.reply.state if turn.reply else None) for turn in found.path],
    )
    services.close()
    os._exit(0)


def report(out: int, **fields: Any) -> None:
    os.write(out, (json.dumps(fields) + "\n").encode())


def born(life: Any, *arguments: Any) -> tuple[int, int]:
    """A child that leads this life; returns its process id and where it reports."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            life(writing, *arguments)
        finally:
            os._exit(1)
    os.close(writing)
    return child, reading


def lines(reading: int, *, until: float | None = None) -> list[dict[str, Any]]:
    """What was reported: all of it, or up to a moment."""
    text = b""
    while until is None or time.monotonic() < until:
        ready = select.select([reading], [], [], None if until is None else max(0, until - time.monotonic()))
        if not ready[0]:
            break
        more = os.read(reading, 65536)
        if not more:
            break
        text += more
    return [json.loads(line) for line in text.splitlines()]


def main() -> None:
    lives, seed = int(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(seed)
    for number in range(lives):
        child, reading = born(live)
        begun = json.loads(first_line(reading))
        told: list[dict[str, Any]] = []
        while number % 2 and not (told and told[-1]["characters"]):  # every other one gets to speak
            told.append(json.loads(first_line(reading)))
        told += lines(reading, until=time.monotonic() + chance.random() * 1.6)
        killed_at = time.monotonic()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        told += lines(reading)
        os.close(reading)
        checker, reading = born(look, begun["conversation"], begun["reply"])
        (found,) = lines(reading)
        os.waitpid(checker, 0)
        os.close(reading)
        life = {"begun": begun, "told": told, "killed_at": killed_at, **found}
        print(json.dumps(life), flush=True)  # noqa: T201  # whoever started it reads it


def first_line(reading: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(reading, 1)
        if not byte:
            raise EOFError("a life ended before it began")
        line += byte
    return line


if __name__ == "__main__":
    main()
