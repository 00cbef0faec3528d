"""Failures of an OpenAI-compatible server, each translated into one ProviderError.

Servers report the same failure in a dozen shapes and wordings. Here they become one sentence that names the
host and a hint that names the setting. A server's own short message may be quoted on one line, with
everything that looks like a key masked; its pages, paths and headers never are.
"""

from __future__ import annotations

import difflib
import re
import socket
import ssl
from collections.abc import Mapping, Sequence

from personachat.errors import (
    ApiKeyMissing,
    ApiKeyRefused,
    BrokenStream,
    ConnectionLost,
    ContextTooLong,
    ModelNotFound,
    NotAStream,
    ProviderError,
    ProviderFault,
    ProviderOverloaded,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    RedirectRefused,
    RequestRefused,
    StreamFailed,
)
from personachat.providers.openai.reports import (
    Report,
    retry_after_seconds,
    said_wait_seconds,
    without_advice,
)
from personachat.providers.openai.server import Server

OVERLOADED = frozenset({503, 529})
TOO_SLOW = frozenset({408, 504, 522, 524})


def from_status(  # noqa: PLR0911  # one return a kind of answer
    server: Server, status: int, headers: Mapping[str, str], report: Report, *, model: str
) -> ProviderError:
    """Translate an answer with an error status. `report` is empty if the body was a page or nothing."""
    wait = retry_after_seconds(headers)
    if 300 <= status < 400:
        return _redirect(server, headers)
    if report.is_quota or status == 402:
        return _quota(server, report)
    if report.is_context_too_long or status == 413:
        return context_too_long(model, report.window_tokens)
    if status in {401, 403}:
        return _key_refused(server, status, report)
    if status == 429:
        return rate_limited(server, said_wait_seconds(report.message) if wait is None else wait)
    if status >= 500 or status in {408, 425}:
        return _unavailable(server, status, report, wait)
    if report.is_unknown_model:
        return model_not_found(server, model, ())
    if status in {404, 405}:
        return RequestRefused(
            f"There is no chat API of {server.title} at the configured address (HTTP {status}).",
            hint=f"Check {server.url_setting}: it usually ends in /v1.",
        )
    return RequestRefused(
        f"{server.title} rejected the request (HTTP {status}){server.saying(report.message)}",
        hint="Change the setting it rejects in the persona, or choose another model.",
    )


def from_stream(server: Server, report: Report, *, model: str) -> ProviderError:
    """Translate an error that came inside an answer with status 200."""
    if report.is_quota:
        return _quota(server, report)
    if report.is_context_too_long:
        return context_too_long(model, report.window_tokens)
    if report.is_unknown_model:
        return model_not_found(server, model, ())
    if re.search(r"rate_?limit|\b429\b|too_many_requests", report.code, re.IGNORECASE):
        return rate_limited(server, said_wait_seconds(report.message))
    if re.search(r"invalid_api_key|authentication|\b40[13]\b", report.code, re.IGNORECASE):
        return _key_refused(server, 401, report)
    return StreamFailed(
        f"{server.title} stopped with an error{server.saying(report.message)}",
        hint="Try again.",
    )


def from_connecting(  # noqa: PLR0911  # one return a kind of answer
    server: Server, error: BaseException
) -> ProviderError:
    """Translate a request that got no answer at all; the cause is searched along the chain.

    aiohttp's names for it count: the SDK calls every failure to connect a timeout.
    """
    chain = list(_causes(error))
    names = {type(link).__name__ for link in chain}
    check = f"Check {server.url_setting} and the network."
    if any(isinstance(link, socket.gaierror) for link in chain):
        return ProviderUnavailable(f"There is no server named {server.host}.", hint=check)
    if "ConnectionTimeoutError" in names:
        return ProviderUnavailable(f"{server.title} took too long to accept the connection.", hint=check)
    no_connection = "ClientConnectorError" in names
    reset = any(isinstance(link, ConnectionResetError) for link in chain)
    if any(isinstance(link, ssl.SSLError) for link in chain) or (no_connection and reset):
        return ProviderUnavailable(
            (f"A secure connection to {server.host} couldn't be established (TLS)."), hint=check
        )
    if names & {"ClientProxyConnectionError", "ClientHttpProxyError"}:
        return ProviderUnavailable(f"The proxy couldn't connect to {server.host}.", hint="Check HTTPS_PROXY.")
    if names & {"InvalidURL", "UnsupportedProtocol"}:
        return address_refused(server)
    if any(isinstance(link, ConnectionRefusedError) for link in chain) or no_connection:
        return ProviderUnavailable(
            f"There is no answer from {server.host}.", hint=f"Is the server running? {check}"
        )
    return connection_lost(server)


def connection_lost(server: Server) -> ConnectionLost:
    return ConnectionLost(f"The connection to {server.host} was lost.", hint="Try again.")


def address_refused(server: Server) -> RequestRefused:
    return RequestRefused(
        "The provider's address can't be used.",
        hint=f"Check {server.url_setting}, and HTTPS_PROXY if it is set.",
    )


def key_missing(server: Server) -> ApiKeyMissing:
    return ApiKeyMissing(
        f"{server.title} needs an API key, but none is set.", hint=f"Set {server.key_setting}."
    )


def context_too_long(model: str, window_tokens: int | None) -> ContextTooLong:
    memory = f" of {window_tokens:,} tokens" if window_tokens else ""
    return ContextTooLong(
        f"The conversation is longer than {model}'s context window{memory}.",
        hint="Shorten the message or the system prompt, or choose a model with a larger context window.",
        window_tokens=window_tokens,
    )


def rate_limited(server: Server, wait: float | None) -> RateLimited:
    when = f"in {_duration(wait)}" if wait is not None else "in a moment"
    return RateLimited(
        f"{server.title} is limiting requests.",
        hint=f"Try again {when}.",
        retry_after_seconds=wait,
    )


def model_not_found(server: Server, model: str, models: Sequence[str]) -> ModelNotFound:
    """Suggest the existing model with the most similar name."""
    nearest = difflib.get_close_matches(model, models, n=5, cutoff=0)
    offer = f" It has {', '.join(nearest)}." if nearest else ""
    return ModelNotFound(
        f"{server.title} has no model {model}.{offer}",
        models=models,
        hint="Choose another model in the persona.",
    )


def broken_stream(server: Server, what: str) -> BrokenStream:
    return BrokenStream(
        f"{server.title} sent {what} in the middle of the reply.",
        hint="Try again.",
    )


def not_a_stream(server: Server, what: str) -> NotAStream:
    return NotAStream(
        f"{server.title} answered with {what} instead of a reply.",
        hint=f"Check {server.url_setting}: it usually ends in /v1.",
    )


def _redirect(server: Server, headers: Mapping[str, str]) -> RedirectRefused:
    target = Server.at("", headers.get("location", ""), None).host
    return RedirectRefused(
        f"{server.title} tried to redirect the request to {target}, which would receive the API key.",
        hint=f"If that is correct, put the new address into {server.url_setting}.",
    )


def _quota(server: Server, report: Report) -> QuotaExceeded:
    return QuotaExceeded(
        f"The account at {server.host} has no quota or credit left{server.saying(report.message)}",
        hint=f"Check its plan and billing, or use another key in {server.key_setting}.",
    )


def _key_refused(server: Server, status: int, report: Report) -> ProviderError:
    if server.secret is None:
        return key_missing(server)
    what = "does not accept the API key" if status == 401 else "does not allow this with the API key"
    return ApiKeyRefused(
        f"{server.title} {what}{server.saying(report.message)}", hint=f"Check {server.key_setting}."
    )


def _unavailable(server: Server, status: int, report: Report, wait: float | None) -> ProviderUnavailable:
    sentence = server.saying(without_advice(report.message))
    when = "Try again in a moment." if wait is None else f"Try again in {_duration(wait)}."
    if status in OVERLOADED:
        return ProviderOverloaded(
            f"{server.title} is overloaded (HTTP {status}){sentence}", hint=when, retry_after_seconds=wait
        )
    what = "took too long to answer" if status in TOO_SLOW else "failed with an internal error"
    return ProviderFault(
        f"{server.title} {what} (HTTP {status}){sentence}", hint=when, retry_after_seconds=wait
    )


def _causes(error: BaseException | None) -> Sequence[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        if isinstance(error, BaseExceptionGroup):
            chain.extend(error.exceptions)
        error = error.__cause__ or error.__context__
    return chain


def _duration(seconds: float) -> str:
    if seconds < 90:
        whole = max(1, round(seconds))
        return f"{whole} second{'s' * (whole != 1)}"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{round(seconds / 3600)} hours"
