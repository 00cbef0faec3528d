"""The limits of a persona's values, in characters unless the name says otherwise.

`Persona` checks them, its form offers nothing beyond them, and readers of other programs' files cut to them.
"""

from __future__ import annotations

from typing import Final

from personachat import avatars

ID: Final = 64
NAME: Final = 80
DESCRIPTION: Final = 2_000
PROMPT: Final = 32_000
MODEL: Final = 200
TRAIT: Final = 1_000
MESSAGE: Final = 16_000
"""Of a greeting, and of each half of an example."""
STARTER: Final = 300
TAG: Final = 60
AVATAR: Final = avatars.MOST_CHARACTERS
STOP_TEXT: Final = 200

GREETINGS_COUNT: Final = 50
STARTERS_COUNT: Final = 12
EXAMPLES_COUNT: Final = 50
TAGS_COUNT: Final = 50
STOP_TEXTS_COUNT: Final = 4

TEMPERATURE: Final = 2.0
DEFAULT_TEMPERATURE: Final = 0.7
REPLY_TOKENS: Final = 1_000_000
DEFAULT_REPLY_TOKENS: Final = 1_000
LEAST_CONTEXT_TOKENS: Final = 256
CONTEXT_TOKENS: Final = 10_000_000
