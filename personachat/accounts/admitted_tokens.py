"""API tokens of people who may still log in: tokens of refused people aren't valid."""

from __future__ import annotations

from collections.abc import Callable

from personachat.accounts.tokens import ApiToken, Tokens


class AdmittedTokens:
    """Finds tokens as `Tokens` does; cheap to create. Methods raise what `Database` raises."""

    def __init__(self, tokens: Tokens, *, is_refused: Callable[[str], bool]) -> None:
        """`is_refused` tells whether the operator's lists no longer admit an owner."""
        self._tokens = tokens
        self._is_refused = is_refused

    def find(self, secret: str) -> ApiToken | None:
        token = self._tokens.find(secret)
        return None if token is None or self._is_refused(token.owner) else token
