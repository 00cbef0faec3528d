"""Parameters of a chat completion beyond the persona's own keys: which ones a model's server may get.

A caller of /v1 may send those known here: OpenAI's, and those that Ollama, vLLM, llama.cpp, SGLang, LM
Studio, OpenRouter, DeepSeek, Qwen and Mistral also accept. A persona may have any others too, in
`extensions.parameters`. Neither may choose address, key or model, request more than one answer, or bypass the
limit on a reply's length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PARAMETERS = "parameters"
"""The persona's extension that contains them."""

OWN_KEYS: Mapping[str, str] = {
    "model": "model",
    "temperature": "temperature",
    "top_p": "topP",
    "max_tokens": "maxTokens",
    "max_completion_tokens": "maxTokens",
    "stop": "stop",
}
"""Parameters that a persona has its own key for."""

_OPENAI = frozenset(
    {
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "metadata",
        "modalities",
        "moderation",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "store",
        "tool_choice",
        "tools",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    }
)

_SAMPLING = frozenset(
    {
        "bad_words",
        "dynatemp_exponent",
        "dynatemp_range",
        "ignore_eos",
        "length_penalty",
        "min_keep",
        "min_p",
        "mirostat",
        "mirostat_eta",
        "mirostat_tau",
        "nsigma",
        "random_seed",
        "repeat_last_n",
        "repeat_penalty",
        "repetition_penalty",
        "samplers",
        "smoothing_factor",
        "stop_token_ids",
        "allowed_token_ids",
        "temperature_last",
        "tfs_z",
        "top_a",
        "top_k",
        "top_n_sigma",
        "typical_p",
    }
)

_SERVING = frozenset(
    {
        "add_generation_prompt",
        "add_special_tokens",
        "cache_prompt",
        "cache_salt",
        "chat_template_kwargs",
        "detokenize",
        "enable_search",
        "enable_thinking",
        "id_slot",
        "include_reasoning",
        "include_stop_str_in_output",
        "keep_alive",
        "mm_processor_kwargs",
        "no_stop_trim",
        "num_ctx",
        "preserve_thinking",
        "priority",
        "prompt_mode",
        "provider",
        "reasoning",
        "reasoning_budget",
        "reasoning_format",
        "reasoning_split",
        "return_progress",
        "safe_prompt",
        "search_parameters",
        "separate_reasoning",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stream_reasoning",
        "t_max_predict_ms",
        "think",
        "thinking",
        "thinking_budget",
        "thinking_token_budget",
        "timings_per_token",
        "transforms",
        "truncate_prompt_tokens",
        "ttl",
        "usage",
    }
)

_SHAPING = frozenset(
    {
        "continue_final_message",
        "documents",
        "ebnf",
        "format",
        "grammar",
        "json_schema",
        "min_tokens",
        "regex",
        "structural_tag",
        "structured_outputs",
    }
)
"""Parameters that define the answer's form; without one of these it would be another answer."""

_FAMILIES = re.compile(r"(dry|xtc|adaptive|guided|mirostat|reasoning|mm|vllm|speculative)_[a-z0-9_.]+")
"""Parameters of one feature; servers add more with every version."""

_NEVER = frozenset(
    {
        "best_of",
        "draft_model",
        "extra_body",
        "extra_headers",
        "extra_query",
        "fallbacks",
        "lora",
        "max_length",
        "max_new_tokens",
        "max_output_tokens",
        "messages",
        "model",
        "models",
        "n",
        "n_predict",
        "num_predict",
        "num_return_sequences",
        "options",
        "prompt",
        "route",
        "stream",
        "stream_options",
        "use_beam_search",
    }
)
_SECRET_OR_PLACE = re.compile(
    r"(^|_)(api|auth|authorization|base|bearer|credentials?|endpoint|headers?|host|key|organization|password"
    r"|project|proxy|secret|token|uri|url)(_|$)",
    re.IGNORECASE,
)

_NOT_OF_A_PERSONA = frozenset(
    {"audio", "function_call", "functions", "logprobs", "modalities", "tool_choice", "tools", "top_logprobs"}
)
"""Parameters whose result only the calling program understands."""


def is_known(name: str) -> bool:
    """Whether a caller may send it to a model's server."""
    if name in _OPENAI or name in _SAMPLING or name in _SERVING or name in _SHAPING:
        return True
    return _FAMILIES.fullmatch(name) is not None and not _is_forbidden(name)


def known_names() -> frozenset[str]:
    """Suggestions of parameters that a persona may have."""
    return (_OPENAI | _SAMPLING | _SERVING | _SHAPING) - _NOT_OF_A_PERSONA


def of_a_persona(extensions: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in a persona's `extensions`, which are sent with every request."""
    parameters = extensions.get(PARAMETERS)
    if not isinstance(parameters, Mapping):
        return {}
    return {name: value for name, value in parameters.items() if value is not None and fault_of(name) is None}


def fault_of(name: str) -> str | None:
    """Why a persona may not have it, as the end of a sentence; None if it may."""
    if own := OWN_KEYS.get(name):
        return f"is already set by the persona's own key {own}"
    if name in _NOT_OF_A_PERSONA:
        return "can only be set by programs that call a persona"
    if not is_known(name) and _is_forbidden(name):
        return "can't be set by a persona"
    return None


def only_tunes(name: str, parameters: Mapping[str, Any]) -> bool:
    """Whether an answer without this parameter still answers the question."""
    if name in {"tools", "tool_choice", "functions", "function_call"}:
        return parameters.get("tool_choice") in (None, "auto", "none")  # it may be an object
    return name != "response_format" and name not in _SHAPING and not name.startswith("guided_")


def _is_forbidden(name: str) -> bool:
    return name in _NEVER or _SECRET_OR_PLACE.search(name) is not None
