"""How many tokens a text has, estimated without a tokenizer."""

from __future__ import annotations

BYTES_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """Guess the number of tokens: one for every four bytes of UTF-8, rounded up.

    The usual rule of thumb for English (four characters per token); bytes instead of characters, because
    tokenizers spend more tokens on other scripts. Off by up to a half: good for a hint, not for a limit.
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // BYTES_PER_TOKEN)
