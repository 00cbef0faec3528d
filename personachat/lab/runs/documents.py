"""A run's report for programs: JSON, and JUnit's XML for CI servers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree as ET  # it is written here, not read

from personachat.lab.runs.model import Cell
from personachat.lab.runs.pairs import score_pairs
from personachat.lab.runs.reports import JudgeTrust, PairJudgeTrust, RunReport
from personachat.lab.runs.scoring import CaseResult, CaseState, Comparison, Score, Share

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STATES: tuple[CaseState, ...] = ("pass", "fail", "flaky", "error", "missing")


def run_document(report: RunReport) -> dict[str, Any]:
    """A run as JSON, with every reply. Keys are camelCase, and unknown values are null."""
    run = report.run
    return {
        "id": run.id,
        "personaId": run.persona_id,
        "personaRevision": run.persona_revision,
        "suiteRevision": run.suite_etag,
        "model": run.model or None,
        "judge": run.judge or None,
        "state": run.state,
        "beganAt": run.began_at.isoformat(),
        "endedAt": run.ended_at.isoformat() if run.ended_at else None,
        "maxCostUsd": run.most_cost_usd,
        "kind": run.kind,
        "options": run.options.as_record(),
        "score": score_document(report.score),
        "judges": [judge_document(trust) for trust in report.judges],
        "pairs": pairs_document(report),
        "cases": [case_document(case) for case in report.score.cases],
        "comparedWith": report.before.id if report.before else None,
        "comparison": comparison_document(report.comparison) if report.comparison else None,
    }


def score_document(score: Score) -> dict[str, Any]:
    return {
        "planned": sum(case.planned for case in score.cases),
        "done": score.done,
        "passedInEveryRepeat": _share(score.whole),
        "passedReplies": _share(score.replies),
        "states": {state: score.count(state) for state in _STATES},
        "costUsd": score.cost_usd,
        "costIsComplete": score.cost_is_whole,
    }


def case_document(case: CaseResult) -> dict[str, Any]:
    return {
        "name": case.name,
        "state": case.state,
        "planned": case.planned,
        "passes": case.passes,
        "replies": [cell_document(cell) for cell in case.cells],
    }


def cell_document(cell: Cell) -> dict[str, Any]:
    return {
        "attempt": cell.attempt + 1,
        "outcome": cell.outcome,
        "text": cell.reply,
        "provider": cell.provider or None,
        "model": cell.model or None,
        "whyThisModel": cell.reason or None,
        "error": {"code": cell.error_code, "message": cell.error} if cell.error else None,
        "retried": cell.retried,
        "finishReason": cell.finish_reason or None,
        "tokens": cell.tokens,
        "seconds": cell.seconds,
        "costUsd": cell.cost_usd,
        "checks": [result.as_record() for result in cell.results],
        "judged": [answer.as_record() for answer in cell.judged],
        "lore": list(cell.lore),
        "userMessage": cell.asked or None,
        "userModel": cell.user_model or None,
        "talkOver": cell.over or None,
        "pair": asdict(cell.pair) | {"flipped": cell.pair.flipped} if cell.pair else None,
    }


def pairs_document(report: RunReport) -> dict[str, Any] | None:
    """A judge's comparisons of replies; None if none were compared."""
    score = score_pairs(report.score)
    if score is None:
        return None
    return {
        "question": report.run.options.pairwise,
        "against": report.run.options.against or None,
        "better": _share(score.better),
        "worse": _share(score.worse),
        "ties": score.ties,
        "errors": score.errors,
        "flipRate": _share(score.flip_rate),
        "judges": [_trust(trust) for trust in report.pair_judges],
    }


def judge_document(trust: JudgeTrust) -> dict[str, Any]:
    """How reliable a judge is on a question: kappa, and how often it is wrong either way."""
    wrong = {"wrongYes": trust.agreement.wrongly_passed, "wrongNo": trust.agreement.wrongly_failed}
    return _trust(trust) | {name: _share(Share(*counts)) for name, counts in wrong.items()}


def _trust(trust: JudgeTrust | PairJudgeTrust) -> dict[str, Any]:
    agreement = trust.agreement
    around = agreement.interval
    return {
        "question": trust.question,
        "judge": trust.judge or None,
        "calibrated": agreement.calibrated,
        "labels": agreement.count,
        "kappa": agreement.kappa,
        "kappaLow": around[0] if around else None,
        "kappaHigh": around[1] if around else None,
    }


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    changes = [
        {"case": each.name, "before": each.before, "after": each.after, "change": each.change}
        for each in comparison.changes
    ]
    return {"alsoDiffers": list(comparison.differing), "cases": changes}


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {"hits": share.hits, "count": share.count, "low": low, "high": high}


def junit(reports: Sequence[RunReport]) -> bytes:
    """JUnit's XML: a suite per persona, a test per case. Flaky is a failure; a missing reply is an error."""
    root = ET.Element("testsuites", name="personachat")
    for report in reports:
        cases = report.score.cases
        suite = ET.SubElement(
            root,
            "testsuite",
            name=report.run.persona_id,
            tests=str(len(cases)),
            failures=str(sum(case.state in {"fail", "flaky"} for case in cases)),
            errors=str(sum(case.state in {"error", "missing"} for case in cases)),
            timestamp=report.run.began_at.isoformat(timespec="seconds"),
            time=f"{sum(cell.seconds or 0 for case in cases for cell in case.cells):.3f}",
        )
        if report.judges:
            properties = ET.SubElement(suite, "properties")
            for trust in report.judges:
                name, value = _plain(f"judge: {trust.question}"), trust.agreement.sentence
                ET.SubElement(properties, "property", name=name, value=value)
        for case in cases:
            seconds = sum(cell.seconds or 0 for cell in case.cells)
            of = {"classname": report.run.persona_id, "name": _plain(case.name), "time": f"{seconds:.3f}"}
            element = ET.SubElement(suite, "testcase", of)
            if case.state != "pass":
                kind = "failure" if case.state in {"fail", "flaky"} else "error"
                message = f"{case.state}: {case.passes} of {case.planned} passed"
                ET.SubElement(element, kind, message=message, type=case.state).text = _plain(why(case))
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def why(case: CaseResult) -> str:
    """Everything that didn't pass, reply by reply, in lines."""
    lines = []
    for cell in case.cells:
        if cell.outcome == "pass":
            continue
        lines.append(f"Reply {cell.attempt + 1}: {cell.outcome}")
        if cell.error:
            lines.append(f"  {on_one_line(cell.error)}")
        lines += [
            f"  {result.kind}: {on_one_line(result.finding.found)}"
            for result in cell.results
            if result.outcome != "pass"
        ]
        lines += [f"  | {line}" for line in cell.reply.splitlines()]
    if len(case.cells) < case.planned:
        lines.append(f"{case.planned - len(case.cells)} of {case.planned} replies are missing.")
    return "\n".join(lines)


def on_one_line(text: str) -> str:
    """A separate line could begin like a command for the CI server."""
    return " ".join(text.split())


def _plain(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def exit_code(reports: Sequence[RunReport]) -> int:
    """0 all pass, 1 something failed, 3 errors, or stopped before the end."""
    states: Mapping[str, int] = {
        state: sum(report.score.count(state) for report in reports)
        for state in ("fail", "flaky", "error", "missing")
    }
    if states["fail"] or states["flaky"]:
        return 1
    return 3 if states["error"] or states["missing"] else 0
