"""The reply starter: starts and finishes the replies of every conversation of this process.

The user's message and an empty reply are committed before a provider is asked. Whatever fails after that
shows up as a failed reply with its reason. A reply's end is recorded outside the page's run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from personachat.chat.checkpoints import Checkpoints
from personachat.chat.live_conversations import CurrentConversations
from personachat.chat.turns import new_turn
from personachat.conversations.base import ReplyRecords
from personachat.conversations.model import Conversation, Turn
from personachat.conversations.variables import merged
from personachat.errors import NotContinuable, ReplyInProgress
from personachat.owners import is_comparing, person_of
from personachat.personas.chat_settings import AS_IN_THE_PERSONA, ChatSettings, stored_settings, with_settings
from personachat.personas.persona import Persona
from personachat.personas.store.base import PersonaSource, StoredPersona
from personachat.personas.variables import with_values
from personachat.replies.concealing import concealed
from personachat.replies.live import LiveReply
from personachat.replies.planner import ReplyPlan, ReplyPlanner
from personachat.replies.runner import ReplyRunner
from personachat.request_context import on_the_account_of
from personachat.usage.model import Origin, Purpose, Surface

NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """Who should answer, beyond what the persona says, and who the reply is counted for."""

    offline: bool = False
    model: str | None = None
    """Instead of the persona's own."""
    surface: Surface = "page"
    purpose: Purpose | None = None
    """None means chat, or temporary if the conversation is temporary."""
    comparison_id: str = ""
    """The comparison that the reply is for."""


class ReplyStarter:
    """Safe for threads. One per process."""

    def __init__(
        self,
        *,
        personas: PersonaSource,
        conversations: CurrentConversations,
        records: ReplyRecords,
        replies: ReplyPlanner,
        runner: ReplyRunner,
        checkpoints: Checkpoints,
    ) -> None:
        self.personas = personas
        self.conversations = conversations
        self.replies = replies
        self._records = records
        self._runner = runner
        self._checkpoints = checkpoints
        self.when_done: Callable[[str, str], object] = lambda *_: None
        """Called with owner and conversation id once a reply has finished and its end is recorded."""

    @property
    def process_id(self) -> str:
        """The id by which other processes see that this one is alive."""
        return self._checkpoints.process_id

    @property
    def draining(self) -> bool:
        """Whether no new replies start any more."""
        return self._runner.draining

    def answer(
        self,
        conversation: Conversation,
        *,
        new_turns: Sequence[Turn],
        path: Sequence[Turn],
        persona: StoredPersona,
        asking: ReplyOptions,
        variables: Mapping[str, str] = NO_VALUES,
    ) -> LiveReply:
        """Add `new_turns`, which end `path`, and the reply to them.

        `variables` are kept with the conversation; those it already has are filled in as well. Raises
        ReplyInProgress if the conversation has changed since it was read, and ShuttingDown.
        """
        self._runner.admit()
        filled_persona = filled(persona.persona, conversation, variables)
        plan = self.replies.plan(filled_persona, path, offline=asking.offline, model=asking.model)
        turn = _reply_turn(path[-1], plan, persona)
        with self.conversations.sending:
            added = self.conversations.store_of(conversation.id).append(
                conversation.owner,
                conversation.id,
                [*new_turns, turn],
                only_after=conversation.leaf_id,
                requests={turn.id: plan.request} if plan.request else None,
                process_id=self._checkpoints.process_id,
                variables=variables,
            )
            if not added:
                raise ReplyInProgress(
                    "This conversation was just continued in another window.", hint="Send it again."
                )
            live_reply = _live_reply(turn, plan, conversation, asking=asking)
            return self._start(live_reply, plan, conversation, conceals=persona.concealed)

    def begin(
        self,
        owner: str,
        *,
        durable: bool,
        temporary: bool,
        new_turns: Sequence[Turn],
        persona: StoredPersona,
        asking: ReplyOptions,
        variables: Mapping[str, str] = NO_VALUES,
        settings: ChatSettings = AS_IN_THE_PERSONA,
    ) -> LiveReply:
        """A new conversation with `new_turns` and the reply to it, these variables and settings.

        Raises ShuttingDown.
        """
        self._runner.admit()
        filled_persona = with_settings(with_values(persona.persona, variables), settings)
        plan = self.replies.plan(filled_persona, new_turns, offline=asking.offline, model=asking.model)
        turn = _reply_turn(new_turns[-1], plan, persona)
        with self.conversations.sending:
            conversation = self.conversations.store_for(temporary=temporary).create(
                owner,
                durable=durable,
                turns=[*new_turns, turn],
                requests={turn.id: plan.request} if plan.request else None,
                process_id=self._checkpoints.process_id,
                variables=variables,
                settings=settings.as_record(),
            )
            live_reply = _live_reply(turn, plan, conversation, asking=asking)
            return self._start(live_reply, plan, conversation, conceals=persona.concealed)

    def go_on(
        self,
        conversation: Conversation,
        turn: Turn,
        *,
        path: Sequence[Turn],
        persona: StoredPersona,
        asking: ReplyOptions,
    ) -> LiveReply:
        """Continue a reply that ended before the model was done; `path` is what it answers.

        Raises NotContinuable, ShuttingDown, and ReplyInProgress if someone else was faster.
        """
        self._runner.admit()
        with self.conversations.sending:
            earlier = self.conversations.live_reply(conversation.owner, turn.id)
            reply = earlier.snapshot()
            if not reply.continuable:
                raise NotContinuable(
                    "This reply is already complete.", hint=("Ask for more in a new message.")
                )
            if not conversation.temporary:
                # its end may not be in the database yet
                self._checkpoints.flush(timeout_seconds=5, live=False)
                if not self._records.claim(turn.id, process_id=self._checkpoints.process_id):
                    raise ReplyInProgress("This reply is already being continued in another window.")
            filled_persona = filled(persona.persona, conversation)
            plan = self.replies.plan(filled_persona, path, offline=asking.offline, model=asking.model)
            origin = _origin(conversation, turn.id, plan, asking=asking, persona=(persona.id, persona.etag))
            live_reply = LiveReply.continued(
                earlier, first=plan.first, durable=conversation.durable, origin=origin
            )
            return self._start(live_reply, plan, conversation, conceals=persona.concealed)

    def _start(
        self, live_reply: LiveReply, plan: ReplyPlan, conversation: Conversation, *, conceals: bool
    ) -> LiveReply:
        # It stays in memory with the live reply, so it must not hold the conversation as it was.
        owner, conversation_id, temporary = conversation.owner, conversation.id, conversation.temporary

        def then() -> None:
            if live_reply.state in {"finished", "stopped"}:
                with on_the_account_of(live_reply.request):
                    self.when_done(owner, conversation_id)

        def ended(live_reply: LiveReply) -> None:
            if temporary:
                self.conversations.temporary.write_reply(live_reply.id, live_reply.snapshot())
                then()
            else:
                self._checkpoints.ended(live_reply, then=then)

        if not temporary:
            self._checkpoints.watch(live_reply)
        events = partial(plan.events, origin=live_reply.origin)
        events_of_reply = (lambda reply_id: concealed(events(reply_id))) if conceals else events
        return self._runner.start(live_reply, events_of_reply, on_ended=ended)


def filled(
    persona: Persona, conversation: Conversation | None, values: Mapping[str, str] = NO_VALUES
) -> Persona:
    """The persona with the conversation's settings and values, once `variables` are added to them."""
    if conversation is None:
        return with_values(persona, merged({}, values))
    own = with_settings(persona, stored_settings(conversation.settings))
    return with_values(own, merged(conversation.variables, values))


def _reply_turn(question: Turn, plan: ReplyPlan, persona: StoredPersona) -> Turn:
    return replace(new_turn("assistant", "", parent_id=question.id, persona=persona), reply=plan.first)


def _live_reply(
    turn: Turn, plan: ReplyPlan, conversation: Conversation, *, asking: ReplyOptions
) -> LiveReply:
    persona = (turn.persona_id, turn.persona_revision)
    return LiveReply(
        turn.id,
        durable=conversation.durable,
        first=plan.first,
        conversation_id=conversation.id,
        persona_id=turn.persona_id,
        origin=_origin(conversation, turn.id, plan, asking=asking, persona=persona),
    )


def _origin(
    conversation: Conversation,
    turn_id: str,
    plan: ReplyPlan,
    *,
    asking: ReplyOptions,
    persona: tuple[str, str],
) -> Origin:
    """`persona` is the id and the revision of the persona that answers.

    A comparison's call doesn't say which reply it was for: that would reveal who is behind a blind one.
    """
    anonymous = is_comparing(conversation.owner)
    return Origin(
        owner=person_of(conversation.owner),
        purpose=asking.purpose or ("temporary" if conversation.temporary else "chat"),
        surface=asking.surface,
        persona_id=persona[0],
        persona_revision=persona[1],
        model_asked=plan.model_asked,
        conversation_id="" if anonymous else conversation.id,
        turn_id="" if anonymous else turn_id,
        comparison_id=asking.comparison_id,
        prompt_tokens=plan.prompt_tokens,
        most_tokens=plan.most_tokens,
    )
