"""What can go wrong between PersonaChat and a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from personachat.errors.base import PersonaChatError


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
