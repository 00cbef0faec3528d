"""The model inside this process, for people without a key: SmolLM2-135M-Instruct, or any other GGUF file.

Nothing is imported or loaded before the first reply. Everything that llama.cpp reports becomes an event or
one ProviderError; its own words are never shown.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from personachat.errors import ModelNotFound, NoModelAvailable, RequestRefused, StreamFailed
from personachat.messages import ChatMessage, storable
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.embedded.llama import LlamaServer, ModelUnusable, window_of
from personachat.providers.embedded.reply import LlamaReply
from personachat.providers.ways_on import offline_missing
from personachat.providers.weights import PACKAGE, installed_weights, llama_is_installed
from personachat.settings import LOCAL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from personachat.providers.embedded.llama import Chunk

MODEL_NAME = "smollm2-135m"
"""The model whose weights are installed. Another file is named by its stem in lower case."""

FORMAT = "response_format"
"""The only further parameter: a grammar makes llama.cpp write JSON, also by a schema."""

LONGEST_SCHEMA_CHARACTERS = 16_000
"""For a larger schema, llama.cpp needs longer for the grammar than for the reply."""

SAMPLING: dict[str, Any] = {
    # Small models fall into loops. Mostly whole phrases count (DRY): a strong penalty on single words makes
    # a model of this size avoid the words its grammar needs.
    "repeat_penalty": 1.05,
    "repeat_last_n": 64,
    "dry_multiplier": 0.8,
    "dry_allowed_length": 3,
    "dry_penalty_last_n": 1024,
    # Cuts off the unlikely tokens, of which a high temperature would make nonsense.
    "min_p": 0.1,
    # Used if the request has no value.
    "temperature": 0.6,
}

TEMPLATE_TOKENS = ("<|im_end|>", "<|im_start|>")
"""A model that writes the chat template's own tokens has gone past the end of its reply."""


def embedded_model_installed(model_file: Path | None = None) -> bool:
    """Whether the embedded model can probably answer, without importing or loading anything.

    A file of the user's own counts as usable: an error in it is reported when it should answer.
    """
    if not llama_is_installed():
        return False
    return model_file is not None or installed_weights() is not None


def embedded_model_name(model_file: Path | None = None) -> str:
    return model_file.stem.lower() if model_file else MODEL_NAME


class EmbeddedProvider:
    """See Provider. `model_file` None is the installed weights.

    No reply gets longer than `most_tokens`.
    """

    def __init__(self, model_file: Path | None = None, *, most_tokens: int | None = None) -> None:
        self._model_file = model_file
        self._most_tokens = most_tokens
        self._llama: LlamaServer | None = None

    @property
    def name(self) -> str:
        return LOCAL

    @property
    def model_name(self) -> str:
        return embedded_model_name(self._model_file)

    @property
    def prefills(self) -> bool:
        return True

    @property
    def passes_on(self) -> bool:
        return False

    @property
    def takes(self) -> frozenset[str]:
        return frozenset({FORMAT})

    @property
    def base_url(self) -> None:
        return None

    @property
    def wants_key(self) -> bool:
        return False

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """See Provider.body: the body that llama.cpp gets."""
        return _body(self._limited(request))

    def window_tokens(self, model: str) -> int | None:
        """See Provider.window_tokens; the file's header says it without loading."""
        weights = self._model_file or installed_weights()
        with suppress(OSError, ValueError):
            return window_of(weights) if weights and model == self.model_name else None
        return None

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ProviderEvent]:
        """See Provider.stream. Raises NoModelAvailable if the packages or the file are missing."""
        if request.model != self.model_name:
            raise ModelNotFound(
                f"The offline model is {self.model_name}, not {request.model}.", models=(self.model_name,)
            )
        request = self._limited(request)
        _check_format(request.more.get(FORMAT))
        llama = self._server()
        reader = LlamaReply(
            request, provider=LOCAL, model=self.model_name, context_tokens=llama.context_tokens
        )
        try:
            async with aclosing(llama.stream(_body(request))) as arrivals:
                async for chunks in arrivals:
                    for event in reader.feed(chunks):
                        yield event
        except ModelUnusable:
            await self.aclose()
            raise self._unusable("llama.cpp can't load it") from None
        except ImportError:
            raise NoModelAvailable("llama.cpp can't start on this machine.", hint=offline_missing()) from None
        except ValueError:  # its message quotes the schema
            if FORMAT not in request.more:
                raise
            raise _format_refused() from None
        except (RuntimeError, OSError) as error:
            raise StreamFailed("The offline model failed.", hint="Try again.") from error
        for event in reader.end():
            yield event

    async def models(self) -> tuple[str, ...]:
        return (self.model_name,)

    async def warm_up(self) -> None:
        """Load the model and write one token with it."""
        request = ChatRequest(self.model_name, (ChatMessage("user", "Hello"),), max_tokens=1)
        async for _ in self.stream(request):
            pass

    async def aclose(self) -> None:
        """End all replies and free the model's memory. The next reply would load it again."""
        llama, self._llama = self._llama, None
        if llama is not None:
            await asyncio.to_thread(llama.close)

    def _limited(self, request: ChatRequest) -> ChatRequest:
        limits = [limit for limit in (request.max_tokens, self._most_tokens) if limit is not None]
        return replace(request, max_tokens=min(limits, default=None))

    def _server(self) -> LlamaServer:
        if self._llama is None:
            weights = self._model_file or installed_weights()
            if weights is None or not embedded_model_installed(self._model_file):
                raise NoModelAvailable("The offline model is not installed.", hint=offline_missing())
            try:
                self._llama = LlamaServer(weights)
            except ValueError as error:
                raise self._unusable(str(error)) from None
            except OSError as error:
                raise self._unusable(error.strerror or "it can't be read") from None
        return self._llama

    def _unusable(self, reason: str) -> NoModelAvailable:
        if self._model_file is None:
            again = f"Run `personachat local install` (in a checkout, install {PACKAGE} again)"
            hint = f"{again}, or set PERSONACHAT_LOCAL_MODEL to another GGUF file."
            return NoModelAvailable(f"The offline model's file can't be used: {reason}.", hint=hint)
        return NoModelAvailable(
            f"{self._model_file.name} can't be used as the offline model: {reason}.",
            hint=("Set PERSONACHAT_LOCAL_MODEL to a GGUF file, or leave it unset to use the included model."),
        )


def _body(request: ChatRequest) -> Chunk:
    parameters = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
    }
    return {
        **SAMPLING,
        **{name: value for name, value in parameters.items() if value is not None},
        "messages": [
            {"role": message.role, "content": storable(message.content)} for message in request.messages
        ],
        **({FORMAT: request.more[FORMAT]} if FORMAT in request.more else {}),
        "stop": [*(text for text in request.stop if text), *TEMPLATE_TOKENS],
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # check for cancellation after each batch of the prompt
    }


def _check_format(response_format: Any) -> None:
    """Raises RequestRefused for a format that llama.cpp doesn't know or would misread."""
    match response_format:
        case None | {"type": "text" | "json_object"}:
            return
        case {"type": "json_schema", "json_schema": {"schema": {**schema}}} if schema:
            if len(json.dumps(schema)) <= LONGEST_SCHEMA_CHARACTERS:
                return
    raise _format_refused()


def _format_refused() -> RequestRefused:
    return RequestRefused(
        "The offline model can't produce this response_format.",
        hint="It supports json_object, and json_schema with types, properties, items and enums.",
    )
