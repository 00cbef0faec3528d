"""Any server that speaks OpenAI's chat completions, over the official SDK.

The SDK makes the request (address, credentials, pool, TLS); ReplyReader reads the body. Time is the
engine's, so the SDK neither retries nor times out beyond connecting. Redirects are not followed: the
key would go along. No error that leaves here holds a secret or has the SDK's own error in its chain.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import jiter

from personachat.errors import BrokenStream, ModelNotFound, NotAStream, ProviderError, ProviderUnavailable
from personachat.messages import Finished, Noticed, Started
from personachat.providers.addresses import masked_address
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.openai.client import OPENAI_URL, drain, new_client, reads_of, request_headers
from personachat.providers.openai.errors import connection_lost, from_connecting, from_status, model_not_found
from personachat.providers.openai.reader import ReplyReader, StreamEvent
from personachat.providers.openai.reports import Report, model_names, read_report
from personachat.providers.openai.request import Adaptation, Attempt, Clock
from personachat.providers.openai.server import Server

if TYPE_CHECKING:
    import openai
    from openai import AsyncAPIResponse
    from pydantic import SecretStr

MODELS_SECONDS = 10.0
SUGGESTION_SECONDS = 3.0
"""Seconds that the error about an unknown model may wait for the list of existing ones."""

AFTERMATH_SECONDS = 2.0
"""Seconds that usage and [DONE] may take after the finish reason."""


MOST_ADAPTATIONS = 8
"""How often one request is changed and sent again."""

TEMPLATE_FAILED = 500
"""What llama.cpp and LM Studio report if the chat template refuses the messages."""

MOST_MODELS = 256
"""For how many models the accepted parameters are remembered; the least recently used are forgotten."""


class OpenAICompatibleProvider:
    """See Provider. `base_url` None is OpenAI itself; `models`, if given, is all that models() lists.

    No request has a limit above `most_tokens`, whatever it says itself.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None,
        api_key: SecretStr | None,
        models: tuple[str, ...] = (),
        most_tokens: int | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._name = name
        self._url = (base_url or OPENAI_URL).removesuffix("/").removesuffix("/chat/completions")
        self._key = (api_key.get_secret_value().strip() or None) if api_key else None
        self._server = Server.at(name, self._url, self._key)
        self._models = models
        self._most_tokens = most_tokens
        self._clock = clock
        self._adaptations: dict[str, Adaptation] = {}
        self._adapting = threading.Lock()
        self._client: openai.AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    def __repr__(self) -> str:
        return f"OpenAICompatibleProvider({self._name!r}, host={self._server.host!r})"

    @property
    def name(self) -> str:
        return self._name

    @property
    def prefills(self) -> bool:
        return False

    @property
    def passes_on(self) -> bool:
        return True

    @property
    def takes(self) -> frozenset[str]:
        return frozenset()

    @property
    def base_url(self) -> str:
        """Where requests go, in the form that may be shown: a path may contain a key, too."""
        return masked_address(self._url)

    @property
    def wants_key(self) -> bool:
        """Whether requests carry a key."""
        return self._key is not None

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """The JSON of a request as it would be sent now, without what its model has refused."""
        return self._adaptation(request.model).whole_body(request)

    def window_tokens(self, model: str) -> int | None:
        """How many tokens a model accepts, if the server has said so."""
        return self._adaptation(model).window_tokens

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ProviderEvent]:
        """See Provider.stream: Started, what the body contains, Finished, or a ProviderError.

        Another Started comes if the messages were refused inside the answer and sent in another form.
        """
        notices: list[str] = []
        attempt = self._adaptation(request.model).begin(request)
        while True:
            reader = attempt.reader(self._server)
            try:
                async with self._accepted(request, attempt, notices) as response:
                    yield Started(self._name, request.model, sent=attempt.parameters(), form=attempt.form)
                    for notice in map(Noticed, notices):
                        yield notice
                    async with aclosing(reads_of(response.http_response)) as reads:
                        deadline: float | None = None
                        while data := await self._next_read(reads, deadline):
                            for event in reader.feed(data):
                                yield event
                            if reader.done:
                                await drain(reads)
                                break
                            if reader.finish_reason and deadline is None:
                                deadline = asyncio.get_running_loop().time() + AFTERMATH_SECONDS
                    for event in _end(reader, attempt):
                        yield event
                break
            except ProviderError as error:
                if not attempt.goes_on(error, reader.refusal):
                    raise
                notices.clear()

    async def warm_up(self) -> None:
        """See Provider.warm_up: the SDK is imported and its client made."""
        await self._open()

    async def models(self) -> tuple[str, ...]:
        """The models' names: those in the settings, or else the server's list. Raises ProviderError."""
        if self._models:
            return self._models
        client = await self._open()
        try:
            async with asyncio.timeout(MODELS_SECONDS):
                answer = await client.models.with_raw_response.list(
                    extra_headers=request_headers(self._name, self._key)
                )
                names = model_names(jiter.from_json(answer.content))
                return tuple(name for name in names if not self._server.gives_away(name))
        except TimeoutError:
            message = f"{self._server.title} did not list its models within {MODELS_SECONDS:.0f} seconds."
            raise ProviderUnavailable(message, hint="Try again.") from None
        except ValueError:
            raise NotAStream(
                f"{self._server.title} lists no models.", hint=f"Check {self._server.url_setting}."
            ) from None
        except Exception as error:  # noqa: BLE001  # translated or raised again
            raise self._translated(error, model="") from None

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _open(self) -> openai.AsyncOpenAI:
        """The client, created at first use and off the loop: importing the SDK takes most of a second."""
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(new_client, self._url, self._key, self._server)
            return self._client

    @asynccontextmanager
    async def _accepted(
        self, request: ChatRequest, attempt: Attempt, notices: list[str]
    ) -> AsyncIterator[AsyncAPIResponse[Any]]:
        """Send the request until the server accepts it, leaving out what its model refuses."""
        client = await self._open()
        refusals = 0
        async with AsyncExitStack() as stack:
            while True:
                answering = client.chat.completions.with_streaming_response.create(
                    model=request.model,
                    messages=[],  # in the extra body: the SDK spends 30 ms on converting a long history
                    stream=True,
                    extra_body=attempt.body(),
                    extra_headers=request_headers(self._name, self._key),
                )
                try:
                    response = await stack.enter_async_context(answering)
                    break
                except Exception as error:  # noqa: BLE001  # adapted to, translated or raised again
                    refusals += 1
                    notice = _learned(error, attempt) if refusals <= MOST_ADAPTATIONS else None
                    if notice is None:
                        await self._give_up(error, request.model)
                    elif notice:
                        notices.append(notice)
            yield response

    def _adaptation(self, model: str) -> Adaptation:
        with self._adapting:  # pages read bodies while the engine's loop adapts them
            adaptation = self._adaptations.pop(model, None)
            if adaptation is None:
                adaptation = Adaptation(model, most_tokens=self._most_tokens, clock=self._clock)
                if len(self._adaptations) >= MOST_MODELS:
                    del self._adaptations[next(iter(self._adaptations))]
            self._adaptations[model] = adaptation
            return adaptation

    async def _give_up(self, error: Exception, model: str) -> NoReturn:
        translated = self._translated(error, model=model)
        if isinstance(translated, ModelNotFound):
            with suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(SUGGESTION_SECONDS):
                    translated = model_not_found(self._server, model, await self.models())
        raise translated from None

    def _translated(self, error: Exception, *, model: str) -> Exception:
        """The ProviderError for an error of the SDK; the error itself if it isn't about the request."""
        import httpx2  # noqa: PLC0415  # see _open
        import openai  # noqa: PLC0415  # takes a second; the first reply or the warm-up pays for it

        if isinstance(error, openai.APIStatusError):
            return from_status(
                self._server, error.status_code, error.response.headers, _report(error), model=model
            )
        if isinstance(error, (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, OSError)):
            return from_connecting(self._server, error)
        return error

    async def _next_read(self, reads: AsyncGenerator[bytes], deadline: float | None) -> bytes:
        """What has arrived meanwhile; empty at the end of the body or of the time after a finished reply."""
        import httpx2  # noqa: PLC0415  # see _open

        try:
            if deadline is None:
                return await anext(reads, b"")
            async with asyncio.timeout_at(deadline):
                return await anext(reads, b"")
        except httpx2.DecodingError:
            message = f"{self._server.title} sent data that can't be decompressed."
            raise BrokenStream(message, hint="Try again.") from None
        except (TimeoutError, httpx2.HTTPError, OSError):
            if deadline is not None:
                return b""
            raise connection_lost(self._server) from None


def _end(reader: ReplyReader, attempt: Attempt) -> Iterator[StreamEvent]:
    """The rest of a reply. What it taught is noted before its end: the next request may follow at once."""
    for event in reader.end():
        if isinstance(event, Finished):
            attempt.note_success(closed_alone=reader.closed_alone)
        yield event


def _learned(error: Exception, attempt: Attempt) -> str | None:
    import openai  # noqa: PLC0415  # see OpenAICompatibleProvider._open

    if not isinstance(error, openai.APIStatusError):
        return None
    if error.status_code in {400, 422}:
        return attempt.learn(_report(error))
    if error.status_code == TEMPLATE_FAILED and attempt.refold(_report(error)):
        return ""
    return None


def _report(error: openai.APIStatusError) -> Report:
    try:
        return read_report(jiter.from_json(error.response.content))
    except ValueError:
        return Report(error.response.text)
