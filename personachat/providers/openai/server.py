"""How sentences name a server, and which of the server's own words they may contain."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from personachat.providers.addresses import HIDDEN, LEAST_SECRET_CHARACTERS, secrets_in, spellings
from personachat.settings import OPENAI

QUOTED_CHARACTERS = 200

PART_CHARACTERS = 8
"""Characters of a secret that may not be shown either."""

_WORD = re.compile(r"[\w\-.+/=~*•…]+")
_BLOT = re.compile(r"[*•…x]{2,}|…|\.{2,}")

_KEYS = re.compile(
    r"(?:\b(?:sk|pk|rk|gsk|xai|hf|nvapi|key|pplx|fw|tgp|csk)[-_]|AIza|Bearer\s+|Basic\s+)[\w\-.*+/=•]{4,}|"
    r"(?<=//)[^/\s@]+(?=@)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Server:
    """How a sentence names the server, and which settings concern it. `secret` is only ever masked."""

    name: str
    host: str
    secret: str | None = field(default=None, repr=False)
    _masked: tuple[str, ...] = field(default=(), repr=False)
    """What is never quoted, longest first: the key, and the parts of the address that may be one."""

    @classmethod
    def at(cls, name: str, base_url: str, secret: str | None) -> Server:
        """Name the server by host and port only: a path or user part may contain a secret."""
        try:
            parts = urlsplit(base_url)
            host = parts.hostname or "an unnamed host"
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            host, port = "an unreadable address", ""
        secrets = {*secrets_in(base_url), *(spellings(secret) if secret else ())}
        masked = sorted(filter(_is_telling, secrets), key=len, reverse=True)
        return cls(name, f"{host}{port}", secret, tuple(masked))

    @property
    def title(self) -> str:
        return "OpenAI" if self.host == "api.openai.com" else f"The provider at {self.host}"

    @property
    def key_setting(self) -> str:
        return "OPENAI_API_KEY" if self.name == OPENAI else f"api_key in [providers.{self.name}]"

    @property
    def url_setting(self) -> str:
        return "OPENAI_BASE_URL" if self.name == OPENAI else f"base_url in [providers.{self.name}]"

    def quote(self, message: str) -> str:
        """The server's message as it may be shown: one line, short, keys masked; "" if it is a page."""
        text = " ".join(self._without_secrets(message).split())
        text = _KEYS.sub(HIDDEN, text)
        text = "".join(character for character in text if character.isprintable())
        if re.search(r"<(!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
            return ""
        return text if len(text) <= QUOTED_CHARACTERS else f"{text[: QUOTED_CHARACTERS - 1].rstrip()}…"

    def gives_away(self, text: str) -> bool:
        """Whether it contains a secret, or a good part of one."""
        return self._without_secrets(text) != text

    def _without_secrets(self, text: str) -> str:
        for secret in self._masked:
            text = re.sub(re.escape(secret), HIDDEN, text, flags=re.IGNORECASE)
        return _WORD.sub(self._without_parts, text) if self._masked else text

    def _without_parts(self, word: re.Match[str]) -> str:
        """The word, unless it is a piece of a secret: servers shorten or mask what they quote."""
        whole_word = word[0]
        if any(len(whole_word) >= PART_CHARACTERS and whole_word in secret for secret in self._masked):
            return HIDDEN
        blot = _BLOT.search(whole_word)
        if blot:
            head, tail = whole_word[: blot.start()], whole_word[blot.end() :]
            for secret in self._masked:
                begins, ends = head and secret.startswith(head), tail and secret.endswith(tail)
                if (begins or not head) and (ends or not tail) and whole_word != blot[0]:
                    return HIDDEN
        return whole_word

    def saying(self, message: str) -> str:
        """The end of a sentence: what the server said, or just the full stop."""
        quoted = self.quote(message)
        if not quoted:
            return "."
        return f": {quoted}" if quoted.endswith((".", "!", "?", "…")) else f": {quoted}."


def _is_telling(secret: str) -> bool:
    return len(secret) >= LEAST_SECRET_CHARACTERS
