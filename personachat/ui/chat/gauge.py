"""How full the model's context window is, as far as it is known.

Measuring reads the whole conversation, so it is done once per ended turn and never before a reply.
"""

from __future__ import annotations

from streamlit.delta_generator import DeltaGenerator

from personachat.conversations.model import Conversation
from personachat.errors import PersonaChatError
from personachat.personas.persona import Persona
from personachat.replies.context import ContextUse
from personachat.ui import session
from personachat.ui.chat.state import Measurement, chat_state
from personachat.ui.wording import counted, short

BARS = 5


def draw(place: DeltaGenerator, conversation: Conversation, persona: Persona) -> None:
    """Measure and draw the result."""
    _draw(place, _measured(conversation, persona))


def draw_last(place: DeltaGenerator, conversation: Conversation) -> None:
    """Draw the last measurement."""
    measurement = _last_measurement()
    _draw(place, measurement.memory if measurement and measurement.of[0] == conversation.id else None)


def _draw(place: DeltaGenerator, memory: ContextUse | None) -> None:
    if memory is not None and memory.used_tokens:
        words = f":small[context] {text_of(memory)}"  # on a phone, the word beside the buttons is left out
        place.caption(words, width="stretch", text_alignment="right", help=help_of(memory))


def text_of(memory: ContextUse) -> str:
    """For example "1.2k / 8k ●○○○○ 15%"; only the number if the window isn't known."""
    about = "" if memory.measured else "~"
    used = f"{about}{short(memory.used_tokens)}"
    if not memory.window_tokens:
        return used
    share = min(1.0, memory.used_tokens / memory.window_tokens)
    full = round(share * BARS)
    dots = "●" * full + "○" * (BARS - full)
    return f"{used} / {short(memory.window_tokens)} {dots} {_percent(share)}"


def _percent(share: float) -> str:
    return "<1%" if share < 0.01 else f"{share:.0%}"


def help_of(memory: ContextUse) -> str:
    """What the numbers mean, in sentences."""
    by = "counted by the provider" if memory.measured else "estimated"
    if memory.window_tokens:
        words = [f"{memory.used_tokens:,} of {counted(memory.window_tokens, 'token')} used ({by})."]
    else:
        words = [f"{counted(memory.used_tokens, 'token')} used ({by})."]
    if memory.memory_from is not None:
        words.append("The oldest messages are left out to stay within this limit.")
    return " ".join(words)


def _measured(conversation: Conversation, persona: Persona) -> ContextUse | None:
    leaf = conversation.leaf
    ended = leaf.reply.duration_seconds if leaf and leaf.reply else None
    offline, settings = session.is_offline_chosen(), conversation.settings
    of = (conversation.id, conversation.leaf_id, ended, persona, offline, settings)
    last = _last_measurement()
    if last and last.of == of:
        return last.memory
    try:
        inspection = session.workspace().inspection
        memory = inspection.memory(conversation, persona, offline=offline)
    except PersonaChatError:  # no model can answer, which the page says already
        memory = None
    chat_state().measured = Measurement(of, memory)
    return memory


def _last_measurement() -> Measurement | None:
    return chat_state().measured
