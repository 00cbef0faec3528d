"""Who a sentence about a server means, and what of the server's own words may stand in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

QUOTED_CHARACTERS = 200

_KEYS = re.compile(
    r"(?:\b(?:sk|pk|rk|gsk|xai|hf|nvapi|key|pplx|fw|tgp|csk)[-_]|AIza|Bearer\s+|Basic\s+)[\w\-.*+/=•]{4,}|"
    r"(?<=//)[^/\s@]+(?=@)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Server:
    """Who is meant in a sentence, and which settings lead there. `secret` is only ever masked."""

    name: str
    host: str
    secret: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, name: str, base_url: str, secret: str | None) -> Server:
        """Name the server by host and port alone: a path or user part may hold a secret."""
        try:
            parts = urlsplit(base_url)
            host = parts.hostname or "an unnamed host"
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            host, port = "an unreadable address", ""
        return cls(name, f"{host}{port}", secret)

    @property
    def title(self) -> str:
        return "OpenAI" if self.host == "api.openai.com" else f"The provider at {self.host}"

    @property
    def key_setting(self) -> str:
        return "OPENAI_API_KEY" if self.name == "openai" else f"api_key in [providers.{self.name}]"

    @property
    def url_setting(self) -> str:
        return "OPENAI_BASE_URL" if self.name == "openai" else f"base_url in [providers.{self.name}]"

    def quote(self, message: str) -> str:
        """The server's message as it may be shown: one line, short, keys masked; empty if it is a page."""
        text = message
        if self.secret and len(self.secret) >= 4:
            text = text.replace(self.secret, "***")
        text = _KEYS.sub("***", " ".join(text.split()))
        text = "".join(character for character in text if character.isprintable())
        if re.search(r"<(!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
            return ""
        return text if len(text) <= QUOTED_CHARACTERS else f"{text[: QUOTED_CHARACTERS - 1].rstrip()}…"

    def saying(self, message: str) -> str:
        """The end of a sentence: what the server said, or just the full stop."""
        quoted = self.quote(message)
        if not quoted:
            return "."
        return f": {quoted}" if quoted.endswith((".", "!", "?", "…")) else f": {quoted}."
