"""What can go wrong with a persona: its text, its versions, labels, links and picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from personachat.errors.base import PersonaChatError


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a persona's JSON text, with its place (both 1-based) and how to fix it.

    `path` is the JSON path as keys and indices, e.g. ("examples", 0, "user"); empty for the whole.
    """

    message: str
    line: int = 1
    column: int = 1
    path: tuple[str | int, ...] = ()


class PersonaInvalid(PersonaChatError):
    """A persona's text does not follow the schema; `problems` is never empty, in the order of lines."""

    code = "persona_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"Line {first.line}: {first.message}{more}")
        self.problems = tuple(problems)


class PersonaNotFound(PersonaChatError):
    code = "persona_not_found"


class PersonaMoved(PersonaNotFound):
    """The persona has another id now."""

    def __init__(self, old_id: str, new_id: str) -> None:
        super().__init__(f'The persona "{old_id}" is now "{new_id}".', hint=f'Use "{new_id}".')
        self.old_id = old_id
        self.new_id = new_id


class LabelNotFound(PersonaNotFound):
    """No revision of this persona has that label."""

    code = "label_not_found"


class LabelInvalid(PersonaChatError):
    """What cannot be a label."""

    code = "label_invalid"


class PersonaExists(PersonaChatError):
    """A create-only save met a persona of that id."""

    code = "persona_exists"


class PersonaChanged(PersonaChatError):
    """Somebody saved a newer version. `etag` and `text` are the stored ones; None if it was deleted."""

    code = "persona_changed"

    def __init__(self, message: str, *, etag: str | None, text: str | None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.etag = etag
        self.text = text


class PersonaBroken(PersonaChatError):
    """The persona's file is there and cannot be read as a persona; it is left as it is."""

    code = "persona_broken"

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class EditingNotAllowed(PersonaChatError):
    """Whoever asks may use the shared personas and not change them; nothing was changed."""

    code = "editing_not_allowed"


class AccessInvalid(PersonaChatError):
    """What cannot say who may do what with a persona; nothing was changed."""

    code = "access_invalid"


class PromptHidden(PersonaChatError):
    """Whoever asks may use the persona and not see its prompt."""

    code = "prompt_hidden"


class RevisionNotFound(PersonaChatError):
    """No such revision of this persona, or one that was pruned."""

    code = "revision_not_found"


class TemplateNotFound(PersonaChatError):
    code = "template_not_found"


class PictureRefused(PersonaChatError):
    """A file that is no picture, or none that can be taken; nothing was changed."""

    code = "picture_refused"


class PictureNotFound(PersonaChatError):
    """The persona has no picture, or the one that it names is not here."""

    code = "picture_not_found"


class LinkInvalid(PersonaChatError):
    """A share link that holds no persona: cut off on its way, or made up."""

    code = "link_invalid"
