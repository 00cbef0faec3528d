"""What spans and metrics are called: OpenTelemetry's semantic conventions for generative AI, and our own.

The conventions are still in development, so each name stands here once, and nowhere else.
https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from __future__ import annotations

from typing import Final

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_VERSION: Final = "gen_ai.agent.version"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105  # a name
ERROR_TYPE: Final = "error.type"

CHAT: Final = "chat"
"""The operation: every call of a model here is one."""

PURPOSE: Final = "personachat.purpose"
SURFACE: Final = "personachat.surface"
OUTCOME: Final = "personachat.outcome"
COST_USD: Final = "personachat.cost_usd"
ESTIMATED: Final = "personachat.estimated"
RETRIES: Final = "personachat.retries"
REQUEST_ID: Final = "personachat.request.id"
TURN_ID: Final = "personachat.turn.id"

TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105  # a name
OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
OPERATION_TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
COST: Final = "personachat.cost"

TOKEN_BOUNDARIES: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216)
DURATION_BOUNDARIES: Final = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12),
    *(10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36),
)
FIRST_CHUNK_BOUNDARIES: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 60.0),
)
