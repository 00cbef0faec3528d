"""What people may not do or spend, and what is wrong with their budgets and tokens."""

from __future__ import annotations

from personachat.errors.base import PersonaChatError


class LoginNeeded(PersonaChatError):
    """Nobody is logged in, or not any more; `refused` says that it is somebody whom the operator refuses."""

    code = "login_needed"

    def __init__(self, message: str, *, hint: str = "", refused: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.refused = refused


class UsageQuestionInvalid(PersonaChatError):
    """Of the ledger something is asked that it cannot answer."""

    code = "usage_question_invalid"


class BudgetExceeded(PersonaChatError):
    """The reply does not fit in a budget; the message says when that begins again. Nothing was asked."""

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
    """There is no data of this person."""

    code = "person_not_found"


class AdministrationNotAllowed(PersonaChatError):
    """Whoever asks does not administer this server."""

    code = "administration_not_allowed"
