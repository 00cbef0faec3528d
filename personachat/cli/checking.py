"""`personachat check`: whether a server with these settings would work, and what to fix if not.

Everything is checked, so that one run lists all there is to fix. Like a start, it brings the tables up to
date. Its output contains no secret and no setting's value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from personachat.cli.console import RED, answer, note
from personachat.errors import NoModelAvailable, PersonaChatError, ProviderError, SettingsInvalid
from personachat.lab.suites.stored_suite import SUFFIX
from personachat.personas.store.base import BrokenPersona
from personachat.services import Services, build_services
from personachat.settings import Settings
from personachat.telemetry import unknown_settings

FINE, FAULTY, UNUSABLE = 0, 1, 2

PROVIDERS_SECONDS = 10.0
"""Seconds that providers may take to answer, all at the same time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding about one part: `about` is settings, database, personas, tests or providers."""

    about: Literal["settings", "database", "personas", "tests", "providers"]
    status: Literal["ok", "warning", "error"]
    message: str
    fix: str = ""


def run(settings: Settings | SettingsInvalid, *, as_json: bool) -> int:
    """Print the findings; returns the exit code: 0, 1 if something must be fixed, 2 for a setting."""
    if isinstance(settings, SettingsInvalid):
        _show([Finding("settings", "error", str(settings), settings.hint)], as_json=as_json)
        return UNUSABLE
    services = build_services(settings)
    try:
        findings = [
            *_about_settings(),
            *_about_database(services),
            *_about_personas(services),
            *_about_tests(services),
            *_about_providers(services),
        ]
    finally:
        services.close()
    _show(findings, as_json=as_json)
    return FAULTY if any(finding.status == "error" for finding in findings) else FINE


def _about_settings() -> Iterator[Finding]:
    unknown = unknown_settings.sentences()
    for sentence in unknown:
        yield Finding("settings", "warning", sentence, "Correct or remove it.")
    if not unknown:
        yield Finding("settings", "ok", "All settings are valid.")


def _about_database(services: Services) -> Iterator[Finding]:
    try:
        services.check_database()
    except PersonaChatError as error:
        yield Finding("database", "error", str(error), error.advice or error.hint)
        return
    kind = "SQLite" if services.uses_sqlite else "PostgreSQL"
    yield Finding("database", "ok", f"{kind} answers, and its tables are up to date.")


def _about_personas(services: Services) -> Iterator[Finding]:
    try:
        personas = services.personas.all()
    except PersonaChatError as error:
        yield Finding("personas", "error", str(error), error.advice or error.hint)
        return
    broken = [each for each in personas if isinstance(each, BrokenPersona)]
    for each in broken:
        first = each.problems[0]
        message = f"{each.filename}:{first.line}:{first.column}: {first.message}"
        yield Finding("personas", "error", message, "`personachat personas validate` shows every error.")
    usable = [each for each in personas if not isinstance(each, BrokenPersona)]
    for entry in usable:
        try:
            services.models.answering(entry.persona.model)
        except NoModelAvailable:
            continue  # it concerns the providers
        except ProviderError as error:
            yield Finding("personas", "warning", f"{entry.id}: {error}", error.hint)
    if not usable:
        yield Finding(
            "personas", "warning", "No persona can be used.", "`personachat personas new ID` creates one."
        )
    elif not broken:
        many = "1 persona" if len(usable) == 1 else f"{len(usable)} personas"
        yield Finding("personas", "ok", f"{many} can be used.")


def _about_tests(services: Services) -> Iterator[Finding]:
    """The personas' test suites, and the judge that some of their checks need."""
    testing = services.testing
    try:
        all_suites = [testing.suites.find(persona_id) for persona_id in testing.suites.ids()]
    except PersonaChatError as error:
        yield Finding("tests", "error", str(error), error.advice or error.hint)
        return
    suites = [each for each in all_suites if each]
    broken = [each for each in suites if each.problems]
    for each in broken:
        first = each.problems[0]
        message = f"{each.persona_id}{SUFFIX}:{first.line}:{first.column}: {first.message}"
        yield Finding("tests", "error", message, "`personachat personas validate` shows every error.")
    try:
        unfit = testing.judge.unfit()
    except ProviderError as error:
        unfit = str(error)
    if unfit:
        yield Finding("tests", "warning", unfit, "Correct PERSONACHAT_JUDGE_MODEL.")
    unjudged = [each.persona_id for each in suites if each.suite and any(each.suite.judged)]
    if unjudged and testing.judge.model is None:
        message = f"No judge is set, and some checks of {', '.join(unjudged)} need one."
        yield Finding("tests", "warning", message, "Set PERSONACHAT_JUDGE_MODEL.")
    if not broken:
        many = "1 test suite" if len(suites) == 1 else f"{len(suites)} test suites"
        yield Finding("tests", "ok", f"{many} can be run.")


def _about_providers(services: Services) -> Iterator[Finding]:
    try:
        services.check_providers()
    except NoModelAvailable as error:
        yield Finding("providers", "error", str(error), error.hint)
        return
    listing = services.model_names.all(wait_seconds=PROVIDERS_SECONDS)
    for fault in listing.faults:
        yield Finding("providers", "error", fault, "Check its address and key, and that it runs.")
    if not listing.complete:
        silent = ", ".join(services.model_names.silent())
        message = f"No answer within {PROVIDERS_SECONDS:g} seconds from {silent}."
        yield Finding("providers", "error", message, "Check the address, and that the server runs.")
    elif not listing.faults:
        yield Finding("providers", "ok", "Every provider answers.")
    default = services.settings.default_model
    if default and listing.complete and not listing.faults and not services.models.is_available(default):
        # A warning alone: some gateways don't list all that they serve.
        message = f"PERSONACHAT_DEFAULT_MODEL is {default}, which no provider lists."
        yield Finding("providers", "warning", message, "Correct it, or remove it.")


def _show(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        is_fine = all(finding.status != "error" for finding in findings)
        answer_object = {"ok": is_fine, "findings": [asdict(finding) for finding in findings]}
        answer(json.dumps(answer_object, ensure_ascii=False, indent=2), end="\n")
        return
    for finding in findings:
        answer(f"{finding.status:<8}{finding.about:<10}{finding.message}", end="\n")
        if finding.fix and finding.status != "ok":
            answer(f"{'':<18}{finding.fix}", end="\n")
    errors = sum(finding.status == "error" for finding in findings)
    if errors:
        note(f"{errors} to fix", style=RED)
