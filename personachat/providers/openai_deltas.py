"""Text and reasoning on their way out: all of one kind that came in one read is one delta.

Some servers cut a character beyond U+FFFF into two JSON chunks, half a surrogate pair in each. The two
are joined here, also over two reads; a half that stays alone becomes U+FFFD, as it cannot be stored.
"""

from __future__ import annotations

from personachat.messages import ReasoningDelta, TextDelta

Kind = type[TextDelta] | type[ReasoningDelta]


class DeltaRuns:
    """Collects pieces with add() and gives them out with take(), their order kept."""

    def __init__(self) -> None:
        self.has_surrogates = False
        """Set it once a piece may hold a surrogate: only then is there anything to join."""
        self._runs: list[tuple[Kind, list[str]]] = []
        self._half: tuple[Kind, str] | None = None

    def __bool__(self) -> bool:
        return bool(self._runs)

    def add(self, kind: Kind, text: str) -> None:
        """Take a piece, which is not empty."""
        if self._runs and self._runs[-1][0] is kind:
            self._runs[-1][1].append(text)
        else:
            self._runs.append((kind, [text]))

    def take(self, *, final: bool) -> list[TextDelta | ReasoningDelta]:
        """Return what has come, except for a first half, which waits for the next read unless `final`."""
        if self.has_surrogates:
            return self._joined(final=final)
        runs, self._runs = self._runs, []
        return [kind("".join(pieces)) for kind, pieces in runs]

    def _joined(self, *, final: bool) -> list[TextDelta | ReasoningDelta]:
        if not self._runs and not final:
            return []
        runs, self._runs = self._runs, []
        half, self._half = self._half, None
        if half and runs and runs[0][0] is half[0]:
            runs[0][1].insert(0, half[1])
        elif half:
            runs.insert(0, (half[0], [half[1]]))
        texts = [(kind, "".join(pieces)) for kind, pieces in runs]
        if texts and not final and "\ud800" <= texts[-1][1][-1] <= "\udbff":
            kind, text = texts.pop()
            self._half = kind, text[-1]
            texts.append((kind, text[:-1]))
        return [
            kind(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
            for kind, text in texts
            if text
        ]
