"""A pytest plugin: `pytest --personachat personas/` runs the test suites in a folder, one item per case.

It does nothing without that option, which can also name one suite. Each case runs as often as its suite says.
A case fails, with the reasons, unless every reply passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from personachat.lab.runs.scoring import CaseResult
    from personachat.services import Services

OPTION = "--personachat"
SUFFIX = ".tests.yaml"


class CaseNotPassed(Exception):
    """A case that some reply failed, with the reasons."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("personachat")
    group.addoption(
        OPTION,
        metavar="PATH",
        default=None,
        help="Run the test suites of the personas in this folder, or only this one.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make pytest collect that path, even if it isn't among the paths."""
    folder = config.getoption(OPTION)
    if folder and not any(Path(each).resolve() == Path(folder).resolve() for each in config.args):
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args.clear()
        config.args.append(str(folder))


def pytest_unconfigure(config: pytest.Config) -> None:
    services = config.stash.get(_SERVICES, None)
    if services is not None:
        services.close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    place = parent.config.getoption(OPTION)
    if not place or not file_path.name.endswith(SUFFIX):
        return None
    if Path(place).resolve() in {file_path.resolve(), file_path.resolve().parent}:
        collected: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
        return collected
    return None


class SuiteFile(pytest.File):
    """A suite. A text with problems is a collection error that names them."""

    def collect(self) -> Iterator[SuiteCase]:
        from personachat.errors import SuiteInvalid  # noqa: PLC0415  # loaded only where it is wanted
        from personachat.lab.suites.reading import parse_suite  # noqa: PLC0415  # a pytest run without suites loads none of it

        try:
            suite = parse_suite(self.path.read_text("utf-8"))
        except SuiteInvalid as error:
            lines = [f"{self.path.name}:{each.line}:{each.column}: {each.message}" for each in error.problems]
            raise self.CollectError("\n".join(lines)) from None
        for number, case in enumerate(suite.cases):
            item: SuiteCase = SuiteCase.from_parent(self, name=case.name)
            item.persona_id, item.number = suite.persona, number
            yield item


class SuiteCase(pytest.Item):
    """One case of a suite."""

    persona_id = ""
    number = 0

    def runtest(self) -> None:
        from personachat.lab.runs.documents import why  # noqa: PLC0415  # a pytest run without suites loads none of it
        from personachat.lab.runs.wish import RunWish  # noqa: PLC0415  # a pytest run without suites loads none of it
        from personachat.owners import LOCAL_OWNER  # noqa: PLC0415  # a pytest run without suites loads none of it

        tests = _services(self.config).of(LOCAL_OWNER, surface="cli").tests
        wish = RunWish(persona_id=self.persona_id, cases=(self.name,))
        live = tests.start(wish)
        with live.changed:
            live.changed.wait_for(lambda: live.over)
        case: CaseResult = tests.runs.report(live.plan.run.id).score.cases[0]
        if case.state != "pass":
            raise CaseNotPassed(f"{case.state}: {case.passes} of {case.planned} passed\n{why(case)}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **named: Any) -> Any:
        if isinstance(excinfo.value, CaseNotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **named)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.persona_id}: {self.name}"


def _services(config: pytest.Config) -> Services:
    """Built for the first case: the personas beside the suites, with the usual settings."""
    services = config.stash.get(_SERVICES, None)
    if services is None:
        from personachat.services import build_services  # noqa: PLC0415  # a pytest run without suites loads none of it
        from personachat.settings import load_settings  # noqa: PLC0415  # a pytest run without suites loads none of it

        place = Path(config.getoption(OPTION))
        folder = place if place.is_dir() else place.parent
        settings = load_settings(personas_dir=folder, persona_store="files")
        services = config.stash[_SERVICES] = build_services(settings)
    return services


_SERVICES = pytest.StashKey["Services"]()
