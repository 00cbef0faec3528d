"""Money reserved for calls of a comparison that are about to be made, by any process."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from personachat.database.connection import Database
from personachat.database.processes import announce, dead, nobody_can_tell
from personachat.lab.comparisons.store import head_of
from personachat.lab.comparisons.tables import comparison_reservations, comparisons
from personachat.stamps import new_id

_ROUNDING = 1e-12
"""Dollars by which sums may be inexact."""

_c, _s = comparisons.c, comparison_reservations.c


class SqlReservations:
    """Safe for threads and processes. Methods raise ComparisonNotFound and what `Database` raises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spending_number(self, owner: str, comparison_id: str) -> int:
        """A number that changes whenever something is reserved or released."""
        with self._database.read() as connection:
            return head_of(connection, owner, comparison_id).spending_number or 0

    def reserve(
        self,
        owner: str,
        comparison_id: str,
        *,
        number: int,
        cost_usd: float,
        others_at_most: float,
        process_id: str,
    ) -> str | None:
        """Reserve a sum; None if others have reserved more than that, or the number has changed."""
        with self._database.write() as connection:
            head = head_of(connection, owner, comparison_id, hold=True)
            if (head.spending_number or 0) != number:
                return None
            announce(self._database, connection, process_id)
            self._forget_dead(connection, comparison_id, process_id)
            others = select(func.sum(_s.cost_usd)).where(_s.comparison_id == comparison_id)
            if (connection.execute(others).scalar() or 0.0) > others_at_most + _ROUNDING:
                return None
            reservation_id = new_id()
            row = {"id": reservation_id, "comparison_id": comparison_id, "cost_usd": cost_usd}
            connection.execute(insert(comparison_reservations).values(row | {"process_id": process_id}))
            _count(connection, comparison_id)
        return reservation_id

    def release(self, comparison_id: str, reservation_id: str) -> None:
        """Release a reservation; does nothing if it is gone."""
        with self._database.write() as connection:
            _count(connection, comparison_id)
            connection.execute(delete(comparison_reservations).where(_s.id == reservation_id))

    def _forget_dead(self, connection: Connection, comparison_id: str, process_id: str) -> None:
        """Release what processes reserved that ended before they released it."""
        holding = select(_s.process_id).where(_s.comparison_id == comparison_id, _s.process_id != process_id)
        holders = set(connection.scalars(holding.distinct()))
        if holders and not nobody_can_tell(self._database):
            dead_ids = dead(self._database, connection, holders)
            of_the_dead = (_s.comparison_id == comparison_id) & _s.process_id.in_(dead_ids)
            connection.execute(delete(comparison_reservations).where(of_the_dead))


def _count(connection: Connection, comparison_id: str) -> None:
    number = func.coalesce(_c.spending_number, 0) + 1
    connection.execute(update(comparisons).where(_c.id == comparison_id).values(spending_number=number))
