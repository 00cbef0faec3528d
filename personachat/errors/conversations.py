"""What can go wrong with a conversation and the replies in it."""

from __future__ import annotations

from personachat.errors.base import PersonaChatError


class ConversationNotFound(PersonaChatError):
    code = "conversation_not_found"


class TurnNotFound(PersonaChatError):
    code = "turn_not_found"


class ReplyNotFound(PersonaChatError):
    code = "reply_not_found"


class ReplyInProgress(PersonaChatError):
    """The conversation is still being answered."""

    code = "reply_in_progress"


class NotContinuable(PersonaChatError):
    """The reply has come to its end, or is still running: there is nothing to continue."""

    code = "not_continuable"


class ShareNotFound(PersonaChatError):
    """No such link, or one that was revoked."""

    code = "share_not_found"


class ImportRefused(PersonaChatError):
    """What was to be imported is not what an export gives; nothing was imported."""

    code = "import_refused"


class ImportRepeated(PersonaChatError):
    """`repeated` of the `total` conversations of an import are here already; nothing was imported."""

    code = "import_repeated"

    def __init__(self, *, repeated: int, total: int) -> None:
        which = (
            "The conversation in the file is"
            if total == 1
            else f"All {total:,} conversations in the file are"
        )
        if repeated < total:
            are = "is" if repeated == 1 else "are"
            which = f"{repeated:,} of the {total:,} conversations in the file {are}"
        super().__init__(f"{which} already here.")
        self.repeated = repeated
        self.total = total


class MessageInvalid(PersonaChatError):
    """The message is empty or too long."""

    code = "message_invalid"


class TooManyReplies(PersonaChatError):
    """The limit on replies at once is reached; `retry_after_seconds` is a guess."""

    code = "too_many_replies"
    retry_after_seconds = 5
