"""Everything that can go wrong, as one tree; its branch for providers is in `personachat.errors`.

Each class has a stable `code`; the message is a sentence for the person, and `hint` the way out.
Nothing here knows HTTP or a page: the API, the pages and the command line each render an error once.
No message ever holds a secret or a provider's raw answer.

What can go wrong between PersonaChat and a model, as one branch of the tree in `personachat.errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class PersonaChatError(Exception):
    """The root. `str(error)` is one sentence; `hint` says what to do about it, or is empty.

    `advice` is for whoever runs the server alone: it may name settings and files, and goes to the log and the
    terminal. `retry_after_seconds` says when the same may work, where that is known.
    """

    code: ClassVar[str] = "internal_error"
    retry_after_seconds: float | None = None

    def __init__(self, message: str, *, hint: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.advice = advice


def unforeseen() -> PersonaChatError:
    """What is told of a fault of our own; only the log says which."""
    return PersonaChatError("Something went wrong in PersonaChat itself.", hint="Try again.")


class SettingsInvalid(PersonaChatError):
    """A setting's value cannot be used; the message names the variable, never its value."""

    code = "settings_invalid"


class AddressUnavailable(PersonaChatError):
    """The server cannot listen there: the port is taken, or the address is not this machine's."""

    code = "address_unavailable"


class BackupFailed(PersonaChatError):
    """A backup cannot be made, read or restored; what was there is as it was."""

    code = "backup_failed"


# --- personas -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a persona's JSON text, with its place (both 1-based) and how to mend it.

    `path` is the JSON path as keys and indices, e.g. ("examples", 0, "user"); empty for the whole.
    """

    message: str
    line: int = 1
    column: int = 1
    path: tuple[str | int, ...] = ()


class PersonaInvalid(PersonaChatError):
    """A persona's text does not follow the schema; `problems` is never empty, in the order of lines."""

    code = "persona_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"Line {first.line}: {first.message}{more}")
        self.problems = tuple(problems)


class PersonaNotFound(PersonaChatError):
    code = "persona_not_found"


class PersonaMoved(PersonaNotFound):
    """The persona has another id now."""

    def __init__(self, old_id: str, new_id: str) -> None:
        super().__init__(f'The persona "{old_id}" is now "{new_id}".', hint=f'Use "{new_id}".')
        self.old_id = old_id
        self.new_id = new_id


class LabelNotFound(PersonaNotFound):
    """No revision of this persona has that label."""

    code = "label_not_found"


class LabelInvalid(PersonaChatError):
    """What cannot be a label."""

    code = "label_invalid"


class PersonaExists(PersonaChatError):
    """A create-only save met a persona of that id."""

    code = "persona_exists"


class PersonaChanged(PersonaChatError):
    """Somebody saved a newer version. `etag` and `text` are the stored ones; None if it was deleted."""

    code = "persona_changed"

    def __init__(self, message: str, *, etag: str | None, text: str | None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.etag = etag
        self.text = text


class PersonaBroken(PersonaChatError):
    """The persona's file is there and cannot be read as a persona; it is left as it is."""

    code = "persona_broken"

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class EditingNotAllowed(PersonaChatError):
    """Whoever asks may use the shared personas and not change them; nothing was changed."""

    code = "editing_not_allowed"


class AccessInvalid(PersonaChatError):
    """What cannot say who may do what with a persona; nothing was changed."""

    code = "access_invalid"


class PromptHidden(PersonaChatError):
    """Whoever asks may use the persona and not see its prompt."""

    code = "prompt_hidden"


class LoginNeeded(PersonaChatError):
    """Nobody is logged in, or not any more; `refused` says that it is somebody whom the operator refuses."""

    code = "login_needed"

    def __init__(self, message: str, *, hint: str = "", refused: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.refused = refused


class StoreUnavailable(PersonaChatError):
    """The store cannot be read or written: no permission, disk full, a lock that never came free."""

    code = "store_unavailable"
    retry_after_seconds = 5


class RevisionNotFound(PersonaChatError):
    """No such revision of this persona, or one that was pruned."""

    code = "revision_not_found"


class TemplateNotFound(PersonaChatError):
    code = "template_not_found"


class SuiteInvalid(PersonaChatError):
    """A test suite's text can't be used; `problems` is never empty, in the order of lines."""

    code = "suite_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"Line {first.line}: {first.message}{more}")
        self.problems = tuple(problems)


class SuiteNotFound(PersonaChatError):
    """The persona has no test suite."""

    code = "suite_not_found"


class SuiteChanged(PersonaChatError):
    """Somebody saved a newer version of the suite."""

    code = "suite_changed"


class SuiteRunNotFound(PersonaChatError):
    """No such test run of this owner."""

    code = "test_run_not_found"


class SuiteRunRefused(PersonaChatError):
    """Tests that can't be run as asked; nothing was called."""

    code = "test_run_refused"


class PictureRefused(PersonaChatError):
    """A file that is no picture, or none that can be taken; nothing was changed."""

    code = "picture_refused"


class PictureNotFound(PersonaChatError):
    """The persona has no picture, or the one that it names is not here."""

    code = "picture_not_found"


class LinkInvalid(PersonaChatError):
    """A share link that holds no persona: cut off on its way, or made up."""

    code = "link_invalid"


class DatabaseUnavailable(PersonaChatError):
    """Conversations cannot be read or written now: disk full, no permission, locked, unreachable."""

    code = "database_unavailable"
    retry_after_seconds = 5


class DatabaseDamaged(PersonaChatError):
    """The database is damaged, or of a newer version than this one knows; it is left as it is."""

    code = "database_damaged"


# --- conversations and replies --------------------------------------------------------------------


class ConversationNotFound(PersonaChatError):
    code = "conversation_not_found"


class TurnNotFound(PersonaChatError):
    code = "turn_not_found"


class ReplyNotFound(PersonaChatError):
    code = "reply_not_found"


class ReplyInProgress(PersonaChatError):
    """The conversation is still being answered."""

    code = "reply_in_progress"


class ComparisonNotFound(PersonaChatError):
    code = "comparison_not_found"


class ComparisonInvalid(PersonaChatError):
    """What cannot be compared: too few or too many variants, or values that no persona can have."""

    code = "comparison_invalid"


class QuestionSetNotFound(PersonaChatError):
    code = "question_set_not_found"


class QuestionSetInvalid(PersonaChatError):
    """Messages that can't be kept as a list, or a file that has none; nothing was changed."""

    code = "question_set_invalid"


class CostLimitReached(PersonaChatError):
    """What is asked for could cost more than it may; nothing was asked."""

    code = "cost_limit_reached"


class VoteRefused(PersonaChatError):
    """A vote that cannot be taken now; nothing was changed."""

    code = "vote_refused"


class NotContinuable(PersonaChatError):
    """The reply has come to its end, or is still running: there is nothing to continue."""

    code = "not_continuable"


class CursorInvalid(PersonaChatError):
    """What should say where the next page begins did not come from the page before."""

    code = "cursor_invalid"


class UsageQuestionInvalid(PersonaChatError):
    """Of the ledger something is asked that it cannot answer."""

    code = "usage_question_invalid"


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


class ShuttingDown(PersonaChatError):
    """The server finishes the replies that are coming, and takes no new ones."""

    code = "shutting_down"
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("PersonaChat is shutting down.", hint="Try again in a moment.")


class TooManyReplies(PersonaChatError):
    """The limit on replies at once is reached; `retry_after_seconds` is a guess."""

    code = "too_many_replies"
    retry_after_seconds = 5


class BudgetExceeded(PersonaChatError):
    """The reply does not fit in a budget; the message says when that begins anew. Nothing was asked."""

    code = "budget_exceeded"

    def __init__(self, message: str, *, hint: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class RequestLimitReached(BudgetExceeded):
    """So many replies a minute are allowed, and no more."""

    code = "request_limit_reached"


class BudgetInvalid(PersonaChatError):
    """What cannot be a budget; nothing was changed."""

    code = "budget_invalid"


class BudgetNotFound(PersonaChatError):
    """No such budget, or one of the settings, which only they can change."""

    code = "budget_not_found"


class PriceUnknown(PersonaChatError):
    """A budget in money limits the call, and nobody knows what it would cost; the provider was not asked."""

    code = "price_unknown"


class TokenInvalid(PersonaChatError):
    """What cannot be an API token; nothing was changed."""

    code = "token_invalid"


class TokensNotAllowed(PersonaChatError):
    """Whoever asks cannot make API tokens this way; none was made."""

    code = "tokens_not_allowed"


class TokenNotFound(PersonaChatError):
    code = "token_not_found"


class PersonUnknown(PersonaChatError):
    """Nothing is kept of this person."""

    code = "person_not_found"


class AdministrationNotAllowed(PersonaChatError):
    """Whoever asks does not administer this server."""

    code = "administration_not_allowed"


class ProviderError(PersonaChatError):
    """A provider could not answer, or not to the end. What had arrived is kept by the reply.

    `retryable` says whether the same request may well succeed.
    """

    code = "provider_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class NoModelAvailable(ProviderError):
    """No provider is configured and the offline model is not installed."""

    code = "no_model_available"


class ModelNotFound(ProviderError):
    """`models` are the ones that exist, as far as the provider says; may be empty."""

    code = "model_not_found"

    def __init__(self, message: str, *, models: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.models = tuple(models)


class ModelNotAllowed(ProviderError):
    """The operator does not let personas use this model."""

    code = "model_not_allowed"


class ApiKeyMissing(ProviderError):
    code = "api_key_missing"


class ApiKeyRefused(ProviderError):
    code = "api_key_refused"


class RequestRefused(ProviderError):
    """The provider refuses this request as it stands (4xx)."""

    code = "request_refused"


class ContextTooLong(ProviderError):
    """`window_tokens` is what the provider said it takes at most; None if it did not say."""

    code = "context_too_long"

    def __init__(self, message: str, *, hint: str = "", window_tokens: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.window_tokens = window_tokens


class QuotaExceeded(ProviderError):
    code = "quota_exceeded"


class RateLimited(ProviderError):
    code = "rate_limited"
    retryable = True


class ProviderUnavailable(ProviderError):
    """The provider does not answer: refused connection, unknown host, a proxy in between. Subclasses: 5xx."""

    code = "provider_unavailable"
    retryable = True


class ProviderOverloaded(ProviderUnavailable):
    """The provider answers, and has no room for this request now (503, 529)."""

    code = "provider_overloaded"


class ProviderFault(ProviderUnavailable):
    """The provider answers, and could not do its own work (500, 502, 504, ...)."""

    code = "provider_fault"


class RedirectRefused(ProviderError):
    code = "redirect_refused"


class NotAStream(ProviderError):
    """Status 200 with something else than a reply: HTML, plain JSON, or nothing."""

    code = "not_a_stream"


class BrokenStream(ProviderError):
    """The stream held bytes that are no events: bad JSON, bad UTF-8."""

    code = "broken_stream"


class ConnectionLost(ProviderError):
    code = "connection_lost"
    retryable = True


class ReplyTruncated(ProviderError):
    """The stream ended with neither a finish reason nor [DONE]."""

    code = "reply_truncated"


class ReplyEmpty(ProviderError):
    """The provider ended the reply without a word."""

    code = "reply_empty"


class StreamFailed(ProviderError):
    """The provider reported an error inside the stream."""

    code = "stream_failed"


class FirstTokenTimeout(ProviderError):
    code = "first_token_timeout"


class IdleTimeout(ProviderError):
    code = "idle_timeout"


class ReplyTimeout(ProviderError):
    code = "reply_timeout"
