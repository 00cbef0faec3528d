"""Measures the adherence of a share of the replies that people get, by itself, behind people's work.

What a persona says about it is in its extensions; see `personachat.lab.on_save`. One reply at a time, with
one of the places that tests have. Each call is in the ledger, as the judge's and nobody's: what an author
sets takes nothing from other people's budgets. Those of the persona and of everyone together hold, and where
one has no room, the reply waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from personachat.errors import PersonaChatError, ShuttingDown, StoreUnavailable
from personachat.lab.judge import Judge
from personachat.lab.on_save import EXTENSION, TestSettings
from personachat.lab.runs.forecast import most_of_judging
from personachat.lab.runs.replying import Replying
from personachat.lab.runs.runner import SuiteRunner
from personachat.lab.sampled_replies import Sampled, SampledReplies
from personachat.lab.suites.model import JudgeQuestion
from personachat.personas.store.base import BrokenPersona, StoredPersona
from personachat.usage.model import Origin

REFUSED_SECONDS = 900.0
"""How long a persona's replies wait after a budget had no room, before it is asked again."""

log = logging.getLogger(__name__)


class Sampler:
    """One per process. `look` is called every so often on any thread."""

    def __init__(
        self,
        records: SampledReplies,
        judge: Judge,
        replying: Replying,
        runner: SuiteRunner,
        *,
        personas: Callable[[], Iterable[StoredPersona | BrokenPersona]],
    ) -> None:
        self._records = records
        self._judge = judge
        self._replying = replying
        self._runner = runner
        self._personas = personas
        self._busy = threading.Lock()
        self._refused: dict[str, float] = {}

    def look(self) -> threading.Event | None:
        """Begin measuring what is due; None where nobody judges, nobody wants it, or it is at it already.

        The event is set once nothing is due any more. Raises ShuttingDown and what stores raise.
        """
        if self._judge.model is None or not self._busy.acquire(blocking=False):
            return None
        try:
            due = self._personas_due()
            if not due:
                self._busy.release()
                return None
            over = threading.Event()
            self._runner.begin(self._measure(due, over))
        except BaseException:
            self._busy.release()
            raise
        return over

    def _personas_due(self) -> list[tuple[str, TestSettings]]:
        due = [
            (entry.id, TestSettings.of(entry.persona))
            for entry in self._personas()
            if isinstance(entry, StoredPersona) and EXTENSION in entry.persona.extensions
        ]
        return [
            (persona_id, settings)
            for persona_id, settings in due
            if settings.samples and time.monotonic() >= self._refused.get(persona_id, 0.0)
        ]

    async def _measure(self, due: list[tuple[str, TestSettings]], over: threading.Event) -> None:
        try:
            for persona_id, settings in due:
                while not self._replying.ending:
                    sampled = await asyncio.to_thread(self._take, persona_id, settings)
                    if sampled is None:
                        break
                    if not await self._one(sampled):
                        self._refused[persona_id] = time.monotonic() + REFUSED_SECONDS
                        break
        except ShuttingDown:
            return
        except (PersonaChatError, StoreUnavailable) as error:
            log.warning("Sampled replies weren't measured: %s", error)
        finally:
            self._busy.release()
            over.set()

    def _take(self, persona_id: str, settings: TestSettings) -> Sampled | None:
        judge, questions = self._judge.model or "", settings.questions
        return self._records.take(
            persona_id,
            questions,
            settings.sampling,
            most_cost=lambda message, reply: most_of_judging(
                self._replying, judge, questions, message=message, reply=reply
            ),
        )

    async def _one(self, sampled: Sampled) -> bool:
        """Ask what isn't answered yet; each answer is kept at once. False where a budget had no room."""
        origin = Origin(purpose="judge", persona_id=sampled.persona_id)
        for question in sampled.questions[len(sampled.answers) :]:
            async with self._runner.places:
                judgement = await self._judge.ask(
                    JudgeQuestion(question=question),
                    message=sampled.message,
                    reply=sampled.reply,
                    reference="",
                    origin=origin,
                )
            if judgement.refused:
                return False
            answer = {
                "judge": judgement.answer.judge,
                "verdict": judgement.answer.verdict,
                "cost_usd": judgement.cost_usd,
            }
            sampled = replace(
                sampled,
                answers=(*sampled.answers, answer),
                spent_usd=sampled.spent_usd + (judgement.cost_usd or 0.0),
            )
            done = len(sampled.answers) == len(sampled.questions)
            await asyncio.to_thread(self._records.keep, sampled, done=done)
        return True
