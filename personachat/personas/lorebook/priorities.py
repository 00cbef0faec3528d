"""Which of the entries that came up are sent: one of each group, and as many as there is room for. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from personachat.personas.lorebook.activations import ActivatedEntry, tokens_of
from personachat.personas.macros import draw


def one_of_each_group(candidates: Sequence[ActivatedEntry], *, seeds: Sequence[str]) -> list[ActivatedEntry]:
    """Of entries in one group only one, by chance and weight; the same seeds give the same one."""
    left = {each.entry.number: each for each in candidates}
    groups: dict[str, list[ActivatedEntry]] = defaultdict(list)
    for each in candidates:
        for group in each.entry.groups:
            groups[group].append(each)
    for group, members in sorted(groups.items()):
        present = [each for each in members if each.entry.number in left]
        if len(present) > 1:
            winner = _winner(present, seeds=(*seeds, "group", group))
            for each in present:
                if each is not winner:
                    del left[each.entry.number]
    return list(left.values())


def within(
    candidates: Iterable[ActivatedEntry], *, budget: int, most: int
) -> tuple[tuple[ActivatedEntry, ...], tuple[ActivatedEntry, ...]]:
    """What fits into both numbers of tokens, the most important first, and what does not.

    An entry that ignores the book's budget still has to fit into `most`.
    """
    budget = min(budget, most)
    activated: list[ActivatedEntry] = []
    no_room: list[ActivatedEntry] = []
    used = used_at_all = 0
    for each in sorted(candidates, key=_importance):
        tokens = tokens_of(each.text)
        fits = used + tokens <= budget or each.entry.ignores_budget
        if not fits or used_at_all + tokens > most:
            no_room.append(each)
            continue
        used_at_all += tokens
        used += 0 if each.entry.ignores_budget else tokens
        if each.text.strip():
            activated.append(each)
    return _ordered(activated), _ordered(no_room)


def _winner(members: Sequence[ActivatedEntry], *, seeds: Sequence[str]) -> ActivatedEntry:
    preferred = [each for each in members if each.entry.group_winner]
    if preferred:
        return max(preferred, key=lambda each: each.entry.order)
    total = sum(each.entry.group_weight for each in members)
    point = draw(*seeds) * total
    for each in members:
        point -= each.entry.group_weight
        if point < 0:
            return each
    return members[-1]


def _importance(each: ActivatedEntry) -> tuple[bool, bool, float, bool, float, int]:
    entry = each.entry
    constant = entry.constant or entry.always
    return (
        entry.goes_first,
        not entry.ignores_budget,
        -entry.priority,
        not constant,
        -entry.order,
        entry.number,
    )


def _ordered(entries: Iterable[ActivatedEntry]) -> tuple[ActivatedEntry, ...]:
    return tuple(sorted(entries, key=lambda each: (each.entry.order, each.entry.number)))
