"""What can go wrong in tests and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from personachat.errors.base import PersonaChatError
from personachat.errors.personas import Problem


class SuiteInvalid(PersonaChatError):
    """A test suite's text can't be used; `problems` is never empty, in the order of lines."""

    code = "suite_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"Line {first.line}: {first.message}{more}")
        self.problems = tuple(problems)


class SuiteNotFound(PersonaChatError):
    """The persona has no test suite."""

    code = "suite_not_found"


class SuiteChanged(PersonaChatError):
    """Somebody saved a newer version of the suite."""

    code = "suite_changed"


class SuiteRunNotFound(PersonaChatError):
    """No such test run of this owner."""

    code = "test_run_not_found"


class SuiteRunRefused(PersonaChatError):
    """Tests that can't be run as asked; nothing was called."""

    code = "test_run_refused"


class ComparisonNotFound(PersonaChatError):
    code = "comparison_not_found"


class ComparisonInvalid(PersonaChatError):
    """What cannot be compared: too few or too many variants, or values that no persona can have."""

    code = "comparison_invalid"


class QuestionSetNotFound(PersonaChatError):
    code = "question_set_not_found"


class QuestionSetInvalid(PersonaChatError):
    """Messages that can't be kept as a list, or a file that has none; nothing was changed."""

    code = "question_set_invalid"


class CostLimitReached(PersonaChatError):
    """What is asked for could cost more than it may; nothing was asked."""

    code = "cost_limit_reached"


class VoteRefused(PersonaChatError):
    """A vote that cannot be taken now; nothing was changed."""

    code = "vote_refused"
