"""Settings that were set under a name that no setting has, each with the name that was probably meant.

A misspelt token or model would otherwise be no token and no model, and nobody would hear of it. Values are
never shown.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from personachat.settings import names_in_use, variables

PREFIX = "PERSONACHAT_"

ALIKE = 0.6
"""How much the rest of a name that begins like ours must be like a setting's: whole names all look alike."""

ALMOST = 0.85
"""How much a name that only begins like ours must be like a setting's."""

SHARED_PREFIX = "OPENAI_"
NEARLY_THE_SAME = 0.9
"""The same of a name that may be another program's: a setting that is there is none that was misspelt."""


def unknown(names: Collection[str], valid_names: Collection[str]) -> dict[str, str]:
    """Names that are meant for PersonaChat but are no setting -> the nearest setting, or ""."""
    suggestions: dict[str, str] = {}
    for name in sorted(set(names)):
        upper_name = name.upper()
        if upper_name in valid_names:
            continue
        if upper_name.startswith(SHARED_PREFIX[:4]):
            missing = [each for each in valid_names if each.startswith(SHARED_PREFIX) and each not in names]
            if nearest := get_close_matches(upper_name, missing, n=1, cutoff=NEARLY_THE_SAME):
                suggestions[name] = nearest[0]
        if not upper_name.startswith(PREFIX[:6]):
            continue
        if upper_name.startswith(PREFIX):
            rests = [each.removeprefix(PREFIX) for each in valid_names if each.startswith(PREFIX)]
            nearest = get_close_matches(upper_name.removeprefix(PREFIX), rests, n=1, cutoff=ALIKE)
            suggestions[name] = PREFIX + nearest[0] if nearest else ""
        elif nearest := get_close_matches(upper_name, valid_names, n=1, cutoff=ALMOST):
            suggestions[name] = nearest[0]
    return suggestions


def sentences() -> tuple[str, ...]:
    """One for each unknown setting of this process."""
    return tuple(_sentence(name, nearest) for name, nearest in unknown(names_in_use(), variables()).items())


def _sentence(name: str, nearest: str) -> str:
    hint = f"Did you mean {nearest}?" if nearest else "docs/settings.md lists the settings."
    return f"{name} is not a setting of PersonaChat and has no effect. {hint}"
