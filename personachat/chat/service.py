"""ChatService: one owner's messages, and control over the replies to them.

A message is recorded before it is answered. Messages sent while a reply is streaming wait in a queue and
leave it only once they are turns. Ids that are unknown or belong to someone else raise ConversationNotFound,
TurnNotFound or ReplyNotFound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from personachat.chat.starter import NO_VALUES, ReplyOptions, ReplyStarter, filled
from personachat.chat.turns import cleaned, new_turn, opening
from personachat.conversations.model import Conversation, QueuedMessage, Turn
from personachat.errors import NotContinuable, ReplyNotFound, ShuttingDown, TurnNotFound
from personachat.messages import ChatMessage
from personachat.personas.chat_settings import AS_IN_THE_PERSONA, ChatSettings
from personachat.personas.store.base import PersonaSource
from personachat.personas.variables import with_values
from personachat.replies.live import LiveReply
from personachat.stamps import new_id
from personachat.usage.model import Purpose, Surface


class ChatService:
    """One owner's chat. Safe for threads; cheap to create."""

    def __init__(
        self,
        answers: ReplyStarter,
        *,
        owner: str,
        personas: PersonaSource | None = None,
        surface: Surface = "page",
        purpose: Purpose | None = None,
        comparison_id: str = "",
    ) -> None:
        """`personas` are the ones that may answer, if that isn't every persona.

        `surface` is where the owner is, `purpose` what they are doing, and in which comparison. All three are
        for the ledger.
        """
        self._answers = answers
        self._conversations = answers.conversations
        self._personas = personas or answers.personas
        self.owner = owner
        self._surface = surface
        self._purpose = purpose
        self._comparison_id = comparison_id

    # --- conversations ----------------------------------------------------------------------------

    def start(self, *, durable: bool = True, temporary: bool = False) -> Conversation:
        """Create an empty conversation. A temporary one is never written."""
        return self._conversations.store_for(temporary=temporary).create(self.owner, durable=durable)

    def begin(
        self,
        text: str,
        *,
        persona_id: str,
        history: Sequence[ChatMessage] = (),
        offline: bool = False,
        durable: bool = True,
        temporary: bool = False,
        variables: Mapping[str, str] = NO_VALUES,
        settings: ChatSettings = AS_IN_THE_PERSONA,
    ) -> LiveReply:
        """Send the first message of a new conversation: `start` and `send` in one step, or neither."""
        text = cleaned(text)
        persona = self._personas.get(persona_id)
        greeter = replace(persona, persona=with_values(persona.persona, variables))
        turns = opening(greeter, history, seed=new_id())
        parent_id = turns[-1].id if turns else None
        turns.append(new_turn("user", text, parent_id=parent_id, persona=persona))
        return self._answers.begin(
            self.owner,
            durable=durable,
            temporary=temporary,
            new_turns=turns,
            persona=persona,
            asking=self._asking(offline=offline),
            variables=variables,
            settings=settings,
        )

    def conversation(self, conversation_id: str, *, last: int | None = None) -> Conversation:
        """The conversation as it is now, with live replies and its last turns (None: all of them)."""
        return self._conversations.get(self.owner, conversation_id, last=last)

    def to_answer(self, conversation_id: str) -> Conversation:
        """The conversation as it is now with all its turns, but without siblings; see `send`."""
        return self._conversations.get(self.owner, conversation_id, with_siblings=False)

    def give(self, conversation_id: str, variables: Mapping[str, str]) -> None:
        """Set these variables from the next reply on; "" restores the persona's default."""
        self._conversations.store_of(conversation_id).give(self.owner, conversation_id, variables)

    def adjust(self, conversation_id: str, settings: ChatSettings) -> None:
        """Apply these settings from the next reply on, whichever persona answers."""
        store = self._conversations.store_of(conversation_id)
        store.adjust(self.owner, conversation_id, settings.as_record())

    def turn(self, turn_id: str) -> tuple[str, Turn]:
        """The id of the conversation that a turn is in, and the turn as it is stored."""
        return self._conversations.store_with(turn_id).turn(self.owner, turn_id)

    def path(self, turn_id: str) -> Sequence[Turn]:
        """The turns down to this one, live replies as they are now."""
        return self._conversations.path(self.owner, turn_id)

    def keep(self, conversation_id: str) -> None:
        """From now on its replies continue without a follower, including a running one."""
        self._conversations.store_of(conversation_id).keep(self.owner, conversation_id)
        running = self.running(conversation_id)
        if running:
            running.durable = True

    def discard(self, conversation_id: str) -> None:
        """Delete a conversation that is temporary or not kept; any other is left alone."""
        store = self._conversations.store_of(conversation_id)
        head = store.get(self.owner, conversation_id, last=1)
        if head.temporary or not head.durable:
            live_reply = self._conversations.live(head)
            if live_reply:
                live_reply.stop()
            store.discard(self.owner, conversation_id)

    def clear(self, conversation_id: str) -> str | None:
        """Show the conversation empty. A live reply is stopped and the queue is emptied.

        Every turn is kept. Returns what `restore` needs to undo it.
        """
        while self.unqueue(conversation_id):
            pass
        conversation = self.conversation(conversation_id, last=1)
        live_reply = self._conversations.live(conversation)
        if live_reply:
            live_reply.stop()
        self._conversations.store_of(conversation_id).show(self.owner, conversation_id, None)
        return conversation.leaf_id

    def restore(self, conversation_id: str, leaf_id: str) -> None:
        """Undo `clear`, unless the conversation has new turns by now."""
        if self.conversation(conversation_id, last=1).leaf_id is None:
            self._conversations.store_of(conversation_id).show(self.owner, conversation_id, leaf_id)

    # --- replies ----------------------------------------------------------------------------------

    def live_reply(self, reply_id: str) -> LiveReply:
        """The reply of an assistant's turn, live or ended; both have the same id."""
        return self._conversations.live_reply(self.owner, reply_id)

    def live_reply_in(self, conversation: Conversation, reply_id: str) -> LiveReply:
        """The same for a turn on the path of a conversation that was already read."""
        return self._conversations.live_reply_in(conversation, reply_id)

    def running(self, conversation_id: str) -> LiveReply | None:
        """The reply being streamed into a conversation, if any; a paused one counts."""
        return self._conversations.live(self.conversation(conversation_id, last=1))

    def send(
        self,
        conversation_id: str,
        text: str,
        *,
        persona_id: str,
        history: Sequence[ChatMessage] = (),
        offline: bool = False,
        turn_id: str | None = None,
        variables: Mapping[str, str] = NO_VALUES,
        conversation: Conversation | None = None,
    ) -> LiveReply:
        """Record the user's message, as turn `turn_id` if one is given, and start the reply to it.

        `history` goes before it if the conversation is still empty. `variables` apply to the persona from now
        on. `conversation` saves reading it again right after `to_answer`. A provider's refusal is the live
        reply's Failed event. Raises MessageInvalid, PersonaNotFound, PersonaBroken, ShuttingDown, and
        ReplyInProgress while another reply is live.
        """
        text = cleaned(text)
        persona = self._personas.get(persona_id)
        conversation = self._conversations.idle(self.owner, conversation_id, conversation=conversation)
        greeter = replace(persona, persona=filled(persona.persona, conversation, variables))
        turns = opening(greeter, history) if conversation.leaf_id is None else []
        parent_id = turns[-1].id if turns else conversation.leaf_id
        words = new_turn("user", text, parent_id=parent_id, persona=persona)
        turns.append(replace(words, id=turn_id or words.id))
        return self._answers.answer(
            conversation,
            new_turns=turns,
            path=[*conversation.path, *turns],
            persona=persona,
            asking=self._asking(offline=offline),
            variables=variables,
        )

    def retry(self, conversation_id: str, *, offline: bool = False) -> LiveReply:
        """Answer the last user message again; the earlier reply stays beside the new one.

        Raises ConversationNotFound, ReplyNotFound, PersonaNotFound, PersonaBroken, ShuttingDown, and
        ReplyInProgress while another reply is live.
        """
        conversation = self._conversations.idle(self.owner, conversation_id)
        path = list(conversation.path)
        while path and path[-1].role != "user":
            path.pop()
        if not path:
            raise ReplyNotFound("There is no reply to regenerate yet.")
        persona = self._personas.get(path[-1].persona_address)
        asking = self._asking(offline=offline)
        return self._answers.answer(conversation, new_turns=[], path=path, persona=persona, asking=asking)

    def continue_reply(self, reply_id: str) -> LiveReply:
        """Continue a reply where it stopped, in the same turn, with the model that began it.

        Raises TurnNotFound, NotContinuable, PersonaNotFound, PersonaBroken, ShuttingDown, and ReplyInProgress
        while another reply is live.
        """
        conversation_id, turn = self.turn(reply_id)
        conversation = self._conversations.idle(self.owner, conversation_id, last=1)
        if turn.reply is None or conversation.leaf_id != reply_id:
            raise NotContinuable("Only the last reply in a conversation can be continued.")
        began = f"{turn.reply.provider}/{turn.reply.model}" if turn.reply.provider else None
        return self._answers.go_on(
            conversation,
            turn,
            path=self._conversations.path(self.owner, turn.parent_id),
            persona=self._personas.get(turn.persona_address),
            asking=self._asking(model=began),
        )

    def pause(self, reply_id: str) -> None:
        """Pause a running reply and stop reading from its provider; any other is left alone."""
        self.live_reply(reply_id).pause()

    def resume(self, reply_id: str) -> None:
        """Resume a paused reply; any other is left alone."""
        self.live_reply(reply_id).resume()

    def stop(self, reply_id: str) -> None:
        """End a live reply at once and keep its text; an ended one is left alone."""
        self.live_reply(reply_id).stop()

    # --- what is said while a reply is coming -----------------------------------------------------

    def queue(self, conversation_id: str, text: str, *, persona_id: str, offline: bool = False) -> None:
        """Send `text` when the live reply has ended, or now if none is live.

        Raises ShuttingDown if this server won't send it and no other can.
        """
        if self._answers.draining and conversation_id in self._conversations.temporary:
            raise ShuttingDown
        message = QueuedMessage(new_id(), cleaned(text), persona_id, offline)
        self._conversations.store_of(conversation_id).queue(self.owner, conversation_id, message)
        if self.running(conversation_id) is None:
            self.send_queued(conversation_id)

    def send_queued(self, conversation_id: str) -> LiveReply | None:
        """Send the first queued message if no reply is live. Raises what `send` raises.

        During shutdown it stays in the queue, for whoever opens the conversation later.
        """
        if self._answers.draining:
            return None
        if not self._conversations.store_of(conversation_id).waiting(self.owner, conversation_id):
            return None
        with self._conversations.sending:
            conversation = self.conversation(conversation_id, last=1)
            if self._conversations.live(conversation) or not conversation.queue:
                return None
            message = conversation.queue[0]
            live_reply = None
            if not self._was_sent(message):  # the process may have died between the two steps
                live_reply = self.send(
                    conversation_id,
                    message.content,
                    persona_id=message.persona_id,
                    offline=message.offline,
                    turn_id=message.id,
                )
            self.unqueue(conversation_id, message.id)
            return live_reply or self.send_queued(conversation_id)

    def unqueue(self, conversation_id: str, message_id: str | None = None) -> QueuedMessage | None:
        """Remove a message from the queue (None: the first); returns None if it was already sent."""
        store = self._conversations.store_of(conversation_id)
        return store.unqueue(self.owner, conversation_id, message_id)

    def _asking(self, *, offline: bool = False, model: str | None = None) -> ReplyOptions:
        return ReplyOptions(offline, model, self._surface, self._purpose, self._comparison_id)

    def _was_sent(self, message: QueuedMessage) -> bool:
        try:
            self.turn(message.id)
        except TurnNotFound:
            return False
        return True
