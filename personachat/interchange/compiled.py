"""A persona's messages as another tool's template, with its signs for the user's name and the day. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import chain, count, zip_longest

from personachat.messages import ChatMessage
from personachat.persona import Persona, dump_persona
from personachat.prompts import compile_prompt, greeting


def compiled(
    persona: Persona, *, user: str, today: str, literal: Callable[[str], str] = str
) -> tuple[ChatMessage, ...]:
    """What is sent before a user's first message: the system message, the examples, the greeting.

    `user` and `today` stand where the name and the date would; each piece between them has gone through
    `literal`, which writes a text so that the other tool leaves it alone.
    """
    whole = dump_persona(persona)
    name = next(mark for mark in (f"user-{number}" for number in count()) if mark not in whole)
    days = (date.max - timedelta(days=number) for number in range(date.max.toordinal()))
    day = next(day for day in days if day.isoformat() not in whole)
    first = greeting(persona, user_name=name, today=day)
    history = (ChatMessage("assistant", first),) if first else ()
    prompt = compile_prompt(persona, history, user_name=name, today=day)
    marks = {name: user, day.isoformat(): today}
    between = re.compile("|".join(map(re.escape, marks)))

    def written(text: str) -> str:
        parts = [literal(part) for part in between.split(text)]
        signs = [marks[found] for found in between.findall(text)]
        return "".join(chain.from_iterable(zip_longest(parts, signs, fillvalue="")))

    return tuple(ChatMessage(message.role, written(message.content)) for message in prompt.messages)
