"""Changes to a suite's text that keep what is there: comments, order and layout, wherever it is possible."""

from __future__ import annotations

import json
from collections.abc import Sequence

import yaml

from personachat.conversations.model import Turn
from personachat.errors import SuiteRunRefused
from personachat.lab.suites.model import Suite
from personachat.lab.suites.reading import parse_suite
from personachat.lab.suites.stored_suite import StoredSuite


def only(suite: Suite, names: Sequence[str]) -> str:
    """A suite's text with these cases alone. Raises SuiteRunRefused if there is none."""
    cases = tuple(case for case in suite.cases if case.name in names)
    if not cases:
        raise SuiteRunRefused("This case doesn't exist.", hint="Choose one of the suite's cases.")
    fewer = suite.model_copy(update={"cases": cases})
    return json.dumps(fewer.model_dump(mode="json", by_alias=True, exclude_unset=True), ensure_ascii=False)


def case_text(turns: Sequence[Turn], *, reference: str, name: str, check: str) -> str:
    """A case as an entry of a suite's list, in YAML."""
    case = {
        "name": name,
        "turns": [{turn.role: turn.text} for turn in turns if turn.text.strip()],
        "check": yaml.safe_load(check) if check.lstrip().startswith("-") else [{"judge": check}],
    }
    if reference.strip():
        case["reference"] = reference
    dumped = yaml.safe_dump([case], allow_unicode=True, sort_keys=False, width=100)
    return "".join(f"  {line}\n" if line.strip() else "\n" for line in dumped.splitlines())


def free_name(stored_suite: StoredSuite | None, name: str) -> str:
    other_names = (
        {case.name for case in stored_suite.suite.cases} if stored_suite and stored_suite.suite else set()
    )
    name = " ".join(name.split())[:190] or "A reply"
    number, candidate = 2, name
    while candidate in other_names:
        number, candidate = number + 1, f"{name} ({number})"
    return candidate


def with_case(text: str, case: str) -> str:
    """A suite's text with one more case at the end of its list."""
    if not text.lstrip().startswith("{") and _ends_with_cases(text):
        return text.rstrip() + "\n" + case
    value = yaml.safe_load(text)
    value["cases"] += yaml.safe_load(case)
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)


def with_cases(text: str, other: str) -> str:
    """A suite's text with the cases of another's at its end. Raises SuiteInvalid."""
    names = {case.name for case in parse_suite(text).cases}
    cases = yaml.safe_load(other)["cases"]
    for case in cases:
        name, number = case["name"], 2
        while case["name"] in names:
            case["name"], number = f"{name} ({number})", number + 1
        names.add(case["name"])
    dumped = yaml.safe_dump(cases, allow_unicode=True, sort_keys=False, width=100)
    return with_case(text, "".join(f"  {line}\n" if line.strip() else "\n" for line in dumped.splitlines()))


def _ends_with_cases(text: str) -> bool:
    """Whether the list of cases is indented by two and comes last, so that lines can be added."""
    lines = [line for line in text.splitlines() if line]
    top = [line for line in lines if not line[0].isspace() and line[0] != "#"]
    entries = [line for line in lines if line.startswith("  - ")]
    bare = top[-1].split("#")[0].strip() == "cases:" if top else False
    return bare and bool(entries or text.rstrip().endswith("cases:"))
