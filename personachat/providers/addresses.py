"""A provider's address: which part may be shown, and which may be a secret.

Gateways take keys as a user, in the path and in the query. So any part of a path that isn't a usual name in
an API counts as a secret and is replaced where the address is shown.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

HIDDEN = "***"

_ORDINARY = frozenset(
    """
    api apis openai v1 v2 v3 v4 v1beta v1beta1 beta chat completions models compatible compatible-mode
    compatibility inference serverless paas llm llms ai deployments engines endpoints engine proxy gateway
    azure anthropic google gemini mistral groq cohere ollama vllm litellm openrouter llama
    """.split()  # noqa: SIM905  # sixty lines otherwise
)

LEAST_SECRET_CHARACTERS = 4
"""Characters. A shorter secret can't be told from an ordinary word in a text."""


def masked_address(url: str) -> str:
    """The address without user, query and fragment, and with HIDDEN for what may be a secret in its path."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return HIDDEN
    path = "/".join(HIDDEN if _is_hidden(part) else part for part in parts.path.split("/"))
    return urlunsplit((parts.scheme, host, path, "", ""))


def secrets_in(url: str) -> tuple[str, ...]:
    """Every part of the address that must not be shown, as written and decoded."""
    try:
        parts = urlsplit(url)
        login = [parts.username or "", parts.password or ""]
    except ValueError:
        return ()
    secrets = [*login, *filter(_is_hidden, parts.path.split("/")), parts.fragment]
    secrets += [value for _, value in parse_qsl(parts.query)]
    both = [unquote(part) for part in secrets] + secrets
    if any(login):
        both.append(b64encode(":".join(map(unquote, login)).encode()).decode())
    return tuple(dict.fromkeys(part for part in both if len(part) >= LEAST_SECRET_CHARACTERS))


def spellings(secret: str) -> tuple[str, ...]:
    """The forms in which a secret may appear in a text: as it is, in a URL, and encoded."""
    return tuple(dict.fromkeys((secret, quote(secret, safe=""), b64encode(secret.encode()).decode())))


def _is_hidden(part: str) -> bool:
    return bool(part) and unquote(part).lower() not in _ORDINARY
