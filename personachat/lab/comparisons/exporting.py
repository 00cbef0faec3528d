"""Comparisons as files: Markdown to read, JSON with everything, CSV with a row for each reply.

A file contains what the comparison shows at that moment, so a blind one withholds the same.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any, Literal, TypeAlias

from personachat.history.csv_table import cell
from personachat.history.exporting import Exported
from personachat.history.markdown import plain_line, within_turn
from personachat.lab.comparisons.model import Variant
from personachat.lab.comparisons.overall import OverallStanding
from personachat.lab.comparisons.seen import SeenAnswer, SeenComparison, SeenRound

__all__ = ["Exported", "Format", "document", "exported"]

Format: TypeAlias = Literal["markdown", "json", "csv"]

_COLUMNS = (
    *("message", "column", "variant", "persona", "model", "state", "vote", "counted", "text"),
    *("prompt_tokens", "completion_tokens", "cost_usd", "first_token_seconds", "tokens_per_second"),
)


def exported(comparison: SeenComparison, file_format: Format) -> Exported:
    """The file; its name comes from the comparison's title."""
    name = f"comparison-{comparison.id[:8]}"
    if file_format == "json":
        text = json.dumps(document(comparison), indent=2, ensure_ascii=False) + "\n"
        return Exported(f"{name}.json", "application/json", text.encode())
    if file_format == "csv":
        return Exported(f"{name}.csv", "text/csv", _table(comparison).encode("utf-8-sig"))
    return Exported(f"{name}.md", "text/markdown", _markdown(comparison).encode())


def document(comparison: SeenComparison) -> dict[str, Any]:
    """A comparison as JSON, in the API's form; what is withheld is null or missing."""
    return {
        "id": comparison.id,
        "title": comparison.title,
        "blind": comparison.blind,
        "hidden": comparison.hidden,
        "variantCount": comparison.count,
        "createdAt": comparison.created_at.isoformat(),
        "updatedAt": comparison.updated_at.isoformat(),
        "variants": [_variant(each) for each in comparison.variants],
        "messages": [_message(each) for each in comparison.rounds],
        "waiting": list(comparison.waiting),
        "listState": comparison.list_state,
        "listNotice": comparison.list_notice or None,
        "maxCostUsd": comparison.most_cost_usd,
        "standing": standing_document(comparison),
    }


def standing_document(comparison: SeenComparison) -> dict[str, Any] | None:
    """The standing of the variants; None while it is withheld."""
    if comparison.standing is None:
        return None
    names = {str(each.group): each for each in comparison.variants}
    document = asdict(comparison.standing)
    places = [
        {
            "variants": [each.id for each in comparison.variants if str(each.group) == place["id"]],
            "name": names[place["id"]].name.partition(" · sample ")[0],
            **{key: place[key] for key in ("wins", "losses", "ties", "share", "low", "high")},
        }
        for place in document["places"]
    ]
    return {
        "sentence": document["sentence"],
        "decided": document["decided"],
        "votes": document["votes"],
        "ties": document["ties"],
        "bothBad": document["both_bad"],
        "moreVotes": document["more_votes"],
        "notCounted": comparison.not_counted,
        "places": places,
    }


def overall_document(overall: OverallStanding) -> dict[str, Any]:
    """The standing of personas with their models over many comparisons."""
    document = asdict(overall.standing)
    columns = ("wins", "losses", "ties", "share", "low", "high")
    return {
        "sentence": document["sentence"],
        "decided": document["decided"],
        "votes": document["votes"],
        "ties": document["ties"],
        "bothBad": document["both_bad"],
        "moreVotes": document["more_votes"],
        "comparisons": overall.comparisons,
        "voters": [{"name": each.name, "votes": each.votes} for each in overall.voters],
        "places": [
            {
                "personaId": place["id"].partition(" ")[0],
                "model": place["id"].partition(" ")[2],
                "name": overall.names[place["id"]],
                **{key: place[key] for key in columns},
            }
            for place in document["places"]
        ],
    }


def _variant(variant: Variant) -> dict[str, Any]:
    return {
        "id": variant.id,
        "name": variant.name,
        "personaId": variant.persona_id,
        "revisionEtag": variant.etag,
        "model": variant.model,
        "setup": dict(variant.setup),
    }


def _message(one: SeenRound) -> dict[str, Any]:
    vote = None
    if one.vote:
        choice = one.vote.letter if one.vote.verdict == "win" else one.vote.verdict
        vote = {"choice": choice, "counted": one.vote.counted, "whyNot": one.vote.why_not or None}
    return {
        "number": one.number,
        "message": one.message,
        "hidden": one.hidden,
        "replies": [_answer(each) for each in one.answers],
        "vote": vote,
    }


def _answer(answer: SeenAnswer) -> dict[str, Any]:
    reply, variant = answer.reply, answer.variant
    return {
        "variant": answer.letter,
        "variantId": variant and variant.id,
        "name": variant and variant.name,
        "state": answer.state,
        "text": answer.text,
        "model": reply.model or None if reply else None,
        "provider": reply.provider or None if reply else None,
        "finishReason": reply.finish_reason if reply else None,
        "error": {"code": reply.error.code, "message": reply.error.message}
        if reply and reply.error
        else None,
        "promptTokens": reply.usage.prompt_tokens if reply and reply.usage else None,
        "completionTokens": reply.usage.completion_tokens if reply and reply.usage else None,
        "costUsd": reply.cost_usd if reply else None,
        "firstTokenSeconds": reply.first_token_seconds if reply else None,
        "tokensPerSecond": _speed(answer),
    }


def _speed(answer: SeenAnswer) -> float | None:
    usage = answer.reply.usage if answer.reply else None
    if answer.reply is None or usage is None or usage.completion_tokens is None:
        return None
    return answer.reply.tokens_per_second(usage.completion_tokens)


def _table(comparison: SeenComparison) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(_COLUMNS)
    for one in comparison.rounds:
        for answer in one.answers:
            values, variant = _answer(answer), answer.variant
            rows.writerow(
                cell("" if value is None else str(value))
                for value in (
                    *(one.message, answer.letter, values["name"], variant and variant.persona_id),
                    *(values["model"], answer.state, _won(one, answer), one.vote and one.vote.counted),
                    *(answer.text, values["promptTokens"], values["completionTokens"], values["costUsd"]),
                    *(values["firstTokenSeconds"], values["tokensPerSecond"]),
                )
            )
    return out.getvalue()


def _won(one: SeenRound, answer: SeenAnswer) -> str | None:
    if one.vote is None:
        return None
    if one.vote.verdict != "win":
        return one.vote.verdict
    return "won" if one.vote.letter == answer.letter else "lost"


def _markdown(comparison: SeenComparison) -> str:
    """Nothing in a message or a reply can reach beyond it, as in a conversation's file."""
    parts = [f"# {plain_line(comparison.title) or 'Comparison'}"]
    if comparison.standing:
        parts.append(plain_line(comparison.standing.sentence))
    for one in comparison.rounds:
        parts += [f"## Message {one.number}", _quote(within_turn(one.message))]
        for answer in one.answers:
            name = f": {plain_line(answer.variant.name)}" if answer.variant else ""
            won = _won(one, answer)
            verdict = f" ({won.replace('_', ' ')})" if won else ""
            parts.append(f"## Message {one.number}, reply {answer.letter}{name}{verdict}")
            parts += [within_turn(answer.text)] if answer.text else []
            parts += [] if answer.state == "finished" else [f"*{answer.state.capitalize()}*"]
    return "\n\n".join(parts) + "\n"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
