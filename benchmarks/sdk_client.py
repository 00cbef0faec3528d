"""The openai SDK alone, straight at the provider, in this process: what nobody in between can beat."""

from __future__ import annotations

import asyncio
import time

from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from benchmarks.measures import Reading, Seen, Sightings
from benchmarks.speech import Order, letters


class SdkSession:
    """A conversation through the SDK, straight to the provider: what nobody in between can beat."""

    def __init__(self, client: OpenAI | AsyncOpenAI) -> None:
        self._client = client
        self._messages: list[ChatCompletionMessageParam] = []

    async def ask(self, order: Order) -> Reading:
        chunks: list[tuple[int, ChatCompletionChunk]] = []
        self._messages.append({"role": "user", "content": order.prompt})
        submitted_ns, client = time.monotonic_ns(), self._client
        if isinstance(client, OpenAI):
            await asyncio.to_thread(self._consume, client, chunks)
        else:
            stream = await client.chat.completions.create(model="bench", messages=self._messages, stream=True)
            async for chunk in stream:
                chunks.append((time.monotonic_ns(), chunk))  # noqa: PERF401  # the time is the point
        self._messages.append({"role": "assistant", "content": "".join(order.reply)})
        return lambda: self._seen(order, submitted_ns, chunks)

    async def close(self) -> None:
        """The client is closed by whoever made it."""

    def _consume(self, client: OpenAI, chunks: list[tuple[int, ChatCompletionChunk]]) -> None:
        for chunk in client.chat.completions.create(model="bench", messages=self._messages, stream=True):
            chunks.append((time.monotonic_ns(), chunk))  # noqa: PERF401  # the clock is read at each

    def _seen(self, order: Order, submitted_ns: int, chunks: list[tuple[int, ChatCompletionChunk]]) -> Seen:
        sightings, count = Sightings(order), 0
        for at_ns, chunk in chunks:
            count += len(letters(chunk.choices[0].delta.content or "")) if chunk.choices else 0
            sightings.see(at_ns, count)
        return Seen(order, submitted_ns, sightings.grown, None)
