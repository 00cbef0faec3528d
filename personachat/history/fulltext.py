"""Queries to the full-text indexes of migrations 0002 and 0005: FTS5 on SQLite, tsvector on PostgreSQL.

Words and facts (owner, archived, persona, model, rating, month) are searched together, so that neither other
owners' turns nor common words make a search slow. FTS5 returns its hits newest first. PostgreSQL's index has
no order: there the owner's newest turns are searched first, which quickly finds common words, and the index
is only used for rare ones. A hit may still be hidden or deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from personachat.history.filters import Filters
from personachat.history.query import SearchQuery, Term, spelled_out
from personachat.stamps import now

LAST_NUMBER = 2**31 - 1

_LOOK = 5_000
_MOST_LOOKS = 8
"""Batches of _LOOK turns, as long as they promise a full page; rarer words use the index."""

_COMMON = 100
"""Among _LOOK turns."""

_MOST_MONTHS = 60


def newest(
    connection: Connection, owner: str, sought: SearchQuery, filters: Filters, *, below: int, size: int
) -> Sequence[int]:
    """The newest `size` numbers below `below` of turns with these words and facts."""
    look = _match if connection.dialect.name == "sqlite" else _look
    return look(connection, owner, sought, filters, below=below, size=size)


def few_turns(connection: Connection, owner: str, filters: Filters, *, most: int) -> Sequence[int] | None:
    """The numbers of all turns with these facts; None if they are more than `most`, or look common."""
    if connection.dialect.name != "sqlite":
        among = _among_newest(connection, owner, SearchQuery(), filters, below=LAST_NUMBER, size=_COMMON)
        if len(among.numbers) == _COMMON:
            return None
    numbers = newest(connection, owner, SearchQuery(), filters, below=LAST_NUMBER, size=most + 1)
    return numbers if len(numbers) <= most else None


def _match(
    connection: Connection, owner: str, sought: SearchQuery, filters: Filters, *, below: int, size: int
) -> Sequence[int]:
    facts = [f"o{_hex(owner)}", f"a{int(filters.archived)}"]
    facts += [f"p{_hex(filters.persona_id)}"] if filters.persona_id is not None else []
    facts += [f"m{_hex(filters.model)}"] if filters.model is not None else []
    facts += ["rgood" if filters.rating == 1 else "rbad"] if filters.rating is not None else []
    clauses = [f"text:{_phrase(term)}" for term in sought.terms] + [f"facts:{fact}" for fact in facts]
    allowed, ruled_out = _months(filters)
    if allowed:
        clauses.append(f"facts:({' OR '.join(f'd{month}' for month in allowed)})")
    match = " AND ".join(clauses)
    if ruled_out:
        match = f"({match}) NOT facts:({' OR '.join(f'd{month}' for month in ruled_out)})"
    query = text(
        "SELECT rowid FROM turn_words WHERE turn_words MATCH :asked AND rowid < :below"
        " ORDER BY rowid DESC LIMIT :size"
    )
    return connection.scalars(query, {"asked": match, "below": below, "size": size}).all()


def _phrase(term: Term) -> str:
    """A term in FTS5's syntax; words contain neither quotes nor spaces."""
    return f'"{spelled_out(" ".join(term.words))}"{"*" if term.prefix else ""}'


def _hex(fact: str) -> str:
    return fact.encode().hex()


@dataclass(frozen=True, slots=True)
class _Looked:
    """Matches among some turns; `floor` is the lowest number looked at, None if there are no more."""

    numbers: Sequence[int]
    floor: int | None


def _look(
    connection: Connection, owner: str, sought: SearchQuery, filters: Filters, *, below: int, size: int
) -> Sequence[int]:
    numbers: list[int] = []
    floor = below
    for _ in range(_MOST_LOOKS):
        looked = _among_newest(connection, owner, sought, filters, below=floor, size=size - len(numbers))
        numbers += looked.numbers
        if looked.floor is None or len(numbers) == size:
            return numbers
        floor = looked.floor
        if len(looked.numbers) * _MOST_LOOKS < size:
            break
    tsquery, values = _tsquery(owner, sought, filters)
    older = text(
        f"WITH older AS MATERIALIZED (SELECT number FROM turn_words WHERE words @@ ({tsquery}))"  # noqa: S608  # parts of our own
        " SELECT number FROM older WHERE number < :floor ORDER BY number DESC LIMIT :size"
    )
    values |= {"floor": floor, "size": size - len(numbers)}
    return [*numbers, *connection.scalars(older, values)]


def _among_newest(
    connection: Connection, owner: str, sought: SearchQuery, filters: Filters, *, below: int, size: int
) -> _Looked:
    """Those of the owner's _LOOK newest turns below `below` that match, at most `size`."""
    match, values = _tsquery(owner, sought, filters)
    values |= {"owner": owner, "below": below, "most": _LOOK, "size": size}
    lowest = text(
        "SELECT min(number) AS floor, count(*) AS looked FROM (SELECT number FROM turn_words"
        " WHERE owner = :owner AND number < :below ORDER BY number DESC LIMIT :most) AS newest"
    )
    among = connection.execute(lowest, values).one()
    if not among.looked:
        return _Looked((), None)
    fitting = text(  # OFFSET keeps the planner from using the index for the words after all
        "SELECT number FROM (SELECT number, words FROM turn_words"  # noqa: S608  # parts of our own
        " WHERE owner = :owner AND number >= :floor AND number < :below"
        f" ORDER BY number DESC OFFSET 0) AS newest WHERE words @@ ({match}) ORDER BY number DESC LIMIT :size"
    )
    numbers = connection.scalars(fitting, values | {"floor": among.floor}).all()
    return _Looked(numbers, among.floor if among.looked == _LOOK else None)


def _tsquery(owner: str, sought: SearchQuery, filters: Filters) -> tuple[str, dict[str, object]]:
    """An SQL expression for the search, and its values."""
    facts = [f"=o{owner}", *(["=archived"] if filters.archived else [])]
    facts += [f"=p{filters.persona_id}"] if filters.persona_id is not None else []
    facts += [f"=m{filters.model}"] if filters.model is not None else []
    facts += [f"=r{filters.rating}"] if filters.rating is not None else []
    allowed, ruled_out = _months(filters)
    query = " & ".join(_lexeme(fact) for fact in facts)
    query += f" & ({' | '.join(_lexeme(f'=d{month}') for month in allowed)})" if allowed else ""
    query += "".join(f" & !{_lexeme(f'=d{month}')}" for month in ruled_out)
    values: dict[str, object] = {"facts": query}
    clauses = ["CAST(:facts AS tsquery)"]
    for place, term in enumerate(sought.terms):
        phrase = f"CAST(phraseto_tsquery('simple', plain_words(:term{place})) AS text)"
        beginning = " || '\\:*'" if term.prefix else ""
        clauses.append(f"CAST(NULLIF({phrase}, ''){beginning} AS tsquery)")  # NULL, without a word: no hits
        values[f"term{place}"] = spelled_out(" ".join(term.words))
    return " && ".join(clauses), values


def _lexeme(fact: str) -> str:
    """A fact in the syntax of a tsquery."""
    return "'" + fact.replace("\\", "\\\\").replace("'", "''") + "'"


def _months(filters: Filters) -> tuple[list[str], list[str]]:
    """The months that the dates allow and those they exclude, as YYYYMM; either may be empty."""
    this = _month(now())
    if filters.since is not None:
        last = min(this, _month(filters.until)) if filters.until is not None else this
        return _named(_month(filters.since), last), []
    if filters.until is not None:
        return [], _named(_month(filters.until) + 1, this)
    return [], []


def _named(first: int, last: int) -> list[str]:
    if last - first >= _MOST_MONTHS:
        return []
    return [f"{month // 12:04}{month % 12 + 1:02}" for month in range(first, last + 1)]


def _month(moment: datetime) -> int:
    moment = moment.astimezone(UTC)
    return moment.year * 12 + moment.month - 1
