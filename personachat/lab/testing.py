"""Testing personas, as one owner does it: what they run, and their suites, runs, results and labels.

Runs, and what they cost, belong to whoever began them. Only those who may see a persona's prompt run its
suite; whoever may not change personas runs none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from personachat.accounts.persona_rights import PersonaRights
from personachat.errors import EditingNotAllowed, SuiteRunNotFound, SuiteRunRefused
from personachat.lab.adherence import QuestionDraft, QuestionDrafter
from personachat.lab.checks.own import OwnChecks
from personachat.lab.judge import Judge
from personachat.lab.labelling import Labelling
from personachat.lab.labels import Labels
from personachat.lab.on_save import TestSettings, run_id_of
from personachat.lab.pair_labels import PairLabelling
from personachat.lab.results import Results
from personachat.lab.runs.cells import CellMaker
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.forecast import Forecaster, RunForecast
from personachat.lab.runs.library import RunLibrary
from personachat.lab.runs.model import Run
from personachat.lab.runs.options import PLAIN_RUN, RunOptions
from personachat.lab.runs.pairs import references, replies_by_name
from personachat.lab.runs.plan import RunPlan
from personachat.lab.runs.records import SqlRuns
from personachat.lab.runs.replying import Replying
from personachat.lab.runs.runner import LiveRun, SuiteRunner
from personachat.lab.runs.wish import RunWish
from personachat.lab.sampled_replies import SampledReplies, SampleResults
from personachat.lab.sampling import Sampler
from personachat.lab.suites.library import SuiteLibrary
from personachat.lab.suites.model import Suite
from personachat.lab.suites.reading import parse_suite
from personachat.lab.suites.store import SuiteStore
from personachat.lab.suites.writing import only
from personachat.lab.thumbs import ThumbJudging
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.store.base import BrokenPersona, PersonaSource, Revisions, StoredPersona
from personachat.personas.store.persona_file import etag_of
from personachat.replies.runner import ReplyRunner
from personachat.settings import Settings
from personachat.stamps import new_id, now
from personachat.usage.model import Origin, Surface


class RunExists(Exception):
    """There is a run of this id."""


@dataclass(frozen=True)
class Testing:
    """The parts that all owners share."""

    suites: SuiteStore
    records: SqlRuns
    runner: SuiteRunner
    replying: Replying
    judge: Judge
    personas: PersonaSource
    revisions: Revisions
    labels: Labels
    thumbs: ThumbJudging
    concurrent: int
    sampled: SampledReplies
    sampler: Sampler

    def of(
        self,
        owner: str,
        *,
        author: str,
        may_edit: bool,
        surface: Surface,
        personas: PersonaSource,
        rights: PersonaRights,
    ) -> Tests:
        """What one owner can do with these personas, by these rights."""
        parts = replace(self, personas=personas)
        return Tests(parts, owner=owner, author=author, may_edit=may_edit, surface=surface, rights=rights)


class Tests:
    """What one owner can do. Methods raise what stores raise besides what they say."""

    __test__ = False  # its name begins as pytest's classes do

    def __init__(
        self,
        parts: Testing,
        *,
        owner: str,
        author: str,
        may_edit: bool,
        surface: Surface,
        rights: PersonaRights,
    ) -> None:
        self._parts = parts
        self._rights = rights
        self._owner = owner
        self._surface: Surface = surface
        self.may_edit = may_edit
        self.labelling = Labelling(
            parts.records,
            parts.labels,
            parts.judge,
            parts.thumbs,
            owner=owner,
            surface=surface,
            may_edit=may_edit,
        )
        self.pairs = PairLabelling(
            parts.records, parts.suites.database, owner=owner, others=self._others_if_there
        )
        self.suites = SuiteLibrary(parts.suites, parts.personas, rights, author=author, may_edit=may_edit)
        self.runs = RunLibrary(parts.records, parts.runner, parts.labels, self.pairs, owner=owner)
        self.results = Results(parts.records, parts.suites, parts.personas, rights, parts.labels, owner=owner)
        self.sampled = SampleResults(parts.sampled, rights, owner=owner)

    @property
    def judge_model(self) -> str | None:
        """Which model judges; None where nobody does."""
        return self._parts.judge.model

    def forecast(self, wish: RunWish) -> RunForecast:
        """Raises SuiteNotFound, SuiteInvalid, PersonaNotFound, ProviderError and what a revision raises."""
        persona, _, _ = self._persona(wish)
        suite = self.suites.get(wish.persona_id).whole()
        return self._forecast(suite, persona, wish, wish.pairs_in(PLAIN_RUN))

    def start(self, wish: RunWish) -> LiveRun:
        """Begin a run. Raises what `forecast` raises, SuiteRunRefused, EditingNotAllowed and ShuttingDown."""
        self._check_may_edit()
        stored_suite = self.suites.get(wish.persona_id)
        suite = stored_suite.whole()
        self._persona(wish)
        self._parts.suites.note(stored_suite)
        if wish.cases:
            text = only(suite, wish.cases)
            return self._begin(wish, text, etag=etag_of(text.encode()))
        return self._begin(wish, stored_suite.text, etag=stored_suite.etag)

    def begin_experiment(self, wish: RunWish, experiment: Experiment) -> LiveRun:
        """Begin a run whose suite was made for it, such as a replay. Raises what `start` raises."""
        self._check_may_edit()
        return self._begin(wish, experiment.suite_text, etag=experiment.kind, options=experiment.options)

    def forecast_experiment(self, wish: RunWish, experiment: Experiment) -> RunForecast:
        """Raises what `begin_experiment` raises."""
        persona, _, _ = self._persona(wish)
        return self._forecast(experiment.suite, persona, wish, wish.pairs_in(experiment.options))

    def begin_saved(self, entry: StoredPersona) -> LiveRun | None:
        """Run the suite of a version that was just saved, as its persona says.

        None where it has no suite that can be run, and where this version has been run on a save before.
        Raises what `start` raises.
        """
        run_id = self.saved_run_id(entry)
        suite = self.suites.find(entry.id)
        if suite is None or suite.problems or self._parts.records.is_there(run_id):
            return None
        self._check_may_edit()
        self._parts.suites.note(suite)
        most = TestSettings.of(entry.persona).max_cost_usd
        wish = RunWish(persona_id=entry.id, most_cost_usd=most, saved=entry)
        try:
            return self._begin(wish, suite.text, etag=suite.etag, run_id=run_id)
        except RunExists:
            return None

    def saved_run_id(self, persona: StoredPersona) -> str:
        """The id of the run that a save of this version begins."""
        return run_id_of(self._parts.records.place, persona.id, persona.etag)

    def begin_saved_soon(self, persona: StoredPersona) -> None:
        """The same on the engine's loop. Returns at once and raises nothing: a save waits for no test."""
        self._parts.runner.soon(lambda: self.begin_saved(persona))

    def _begin(
        self,
        wish: RunWish,
        suite_text: str,
        *,
        etag: str,
        options: RunOptions = PLAIN_RUN,
        run_id: str = "",
    ) -> LiveRun:
        persona, revision, text = self._persona(wish)
        suite = parse_suite(suite_text)
        options = wish.pairs_in(options)
        if wish.pairwise and not self.judge_model:
            raise SuiteRunRefused(
                "Replies can't be compared, because no judge is set.",
                hint="Set PERSONACHAT_JUDGE_MODEL.",
            )
        forecast = self._forecast(suite, persona, wish, options)
        refuse_unpriced(wish.most_cost_usd, forecast)
        run = Run(
            id=run_id or new_id(),
            owner=self._owner,
            persona_id=wish.persona_id,
            persona_revision=revision,
            persona_text=text,
            suite_etag=etag,
            suite_text=suite_text,
            model=wish.model or "",
            judge=self._judge_of(suite, options),
            repeat=wish.repeat,
            planned=forecast.cells,
            most_cost_usd=wish.most_cost_usd,
            surface=self._surface,
            state="running",
            began_at=now(),
            options=options,
        )
        others = self._others(run, suite)
        self._parts.runner.admit()
        if not self._parts.records.add(run):
            raise RunExists
        plan = RunPlan(run, persona, suite, forecast.most_cell_usd, others=others)
        return self._parts.runner.start(plan)

    def _others(self, run: Run, suite: Suite) -> dict[tuple[int, int], str]:
        """The replies to compare with, by case and attempt. Raises SuiteRunNotFound."""
        if not run.options.against:
            return references(run, suite) if run.options.pairwise else {}
        other = self._parts.records.get(run.options.against, self._owner)
        return replies_by_name(suite, parse_suite(other.suite_text), self.runs.cells(other))

    def _others_if_there(self, run: Run) -> dict[tuple[int, int], str]:
        try:
            return self._others(run, parse_suite(run.suite_text))
        except SuiteRunNotFound:
            return {}

    def resume(self, run_id: str, *, most_cost_usd: float | None = None) -> LiveRun | None:
        """Go on with a run where it ended; None where it runs. Finished cells stay.

        Raises SuiteRunNotFound, SuiteRunRefused, PersonaNotFound or EditingNotAllowed where the persona is no
        longer theirs to test, and ShuttingDown.
        """
        self._check_may_edit()
        run = self._parts.records.get(run_id, self._owner)
        self._check_may_read(run.persona_id)
        suite, persona = parse_suite(run.suite_text), parse_persona(run.persona_text)
        most = most_cost_usd if most_cost_usd is not None else run.most_cost_usd
        wish = RunWish(persona_id=run.persona_id, repeat=run.repeat, model=run.model or None)
        forecast = self._forecast(suite, persona, wish, run.options)
        refuse_unpriced(most, forecast)
        others = self._others(run, suite)
        self._parts.runner.admit()
        done = self._parts.records.take_over(run_id, self._owner)
        if done is None:
            return None
        run = replace(run, most_cost_usd=most, state="running")
        return self._parts.runner.start(RunPlan(run, persona, suite, forecast.most_cell_usd, done, others))

    def revision_numbers(self, runs: Iterable[Run]) -> dict[str, int]:
        """The numbers of the personas' versions in runs, by their etags; drafts have none."""
        versions = frozenset((run.persona_id, run.persona_revision) for run in runs if run.persona_revision)
        return {etag: number for (_, etag), number in self._parts.revisions.numbers(versions).items()}

    def draft_questions(self, persona: Persona) -> QuestionDraft:
        """Have a model draft questions about a persona, to be edited, in the background.

        Raises EditingNotAllowed and ShuttingDown.
        """
        self._check_may_edit()
        origin = Origin(owner=self._owner, purpose="drafting", surface=self._surface, persona_id=persona.id)
        drafter = QuestionDrafter(self._parts.replying, model=self.judge_model or persona.model)
        draft = QuestionDraft()
        self._parts.runner.begin(drafter.write(draft, persona, origin=origin))
        return draft

    def _forecast(self, suite: Suite, persona: Persona, wish: RunWish, options: RunOptions) -> RunForecast:
        runs = self.runs.of(wish.persona_id, limit=1)
        parts = self._parts
        return Forecaster(parts.replying, parts.judge.model, parts.concurrent).forecast(
            suite,
            persona,
            model=wish.model,
            repeat=wish.repeat,
            options=options,
            earlier=parts.records.cells(runs[0].id) if runs else (),
        )

    def _judge_of(self, suite: Suite, options: RunOptions) -> str:
        return (self._parts.judge.model or "") if options.pairwise or any(suite.judged) else ""

    def _persona(self, wish: RunWish) -> tuple[Persona, str, str]:
        """The persona to be tested, its etag and its text."""
        self._check_may_read(wish.persona_id)
        if wish.saved is not None:
            return wish.saved.persona, wish.saved.etag, wish.saved.text
        if wish.draft is not None:
            return parse_persona(wish.draft), "", wish.draft
        if wish.revision is not None:
            revision = self._parts.revisions.get(wish.persona_id, wish.revision)
            return parse_persona(revision.text), revision.etag, revision.text
        entry = self._parts.personas.get(wish.persona_id)
        return entry.persona, entry.etag, entry.text

    def _check_may_read(self, persona_id: str) -> None:
        """A suite says as much of a persona as its prompt does."""
        self._rights.refuse_unless("prompt", persona_id)

    def _check_may_edit(self) -> None:
        if not self.may_edit:
            raise EditingNotAllowed(
                "You can't save or run tests here.", hint="Ask the person who runs this server."
            )


def refuse_unpriced(most_cost_usd: float | None, forecast: RunForecast) -> None:
    """Raises SuiteRunRefused where a run could not be held to a sum."""
    if most_cost_usd is not None and forecast.most_cell_usd is None:
        raise SuiteRunRefused(
            "A cost limit isn't possible because the price of one of the models isn't known.",
            hint="Leave the limit out, or choose a model with a known price.",
        )


def testing_of(
    settings: Settings,
    suites: SuiteStore,
    personas: tuple[PersonaSource, Revisions],
    *,
    replying: Replying,
    runner: ReplyRunner,
    process_id: str,
    everybody: Callable[[], Iterable[StoredPersona | BrokenPersona]],
) -> Testing:
    """The parts as the settings want them."""
    judge, concurrent = Judge(replying, model=settings.judge_model), settings.max_concurrent_test_calls
    records = SqlRuns(suites.database, place=suites.place, process_id=process_id)
    cells = CellMaker(replying, judge, OwnChecks(allowed=settings.own_checks))
    suite_runner = SuiteRunner(replying, runner, records, cells, max_concurrent=concurrent)
    labels = Labels(suites.database)
    thumbs = ThumbJudging(judge, labels, runner)
    sampled = SampledReplies(suites.database, place=suites.place, process_id=process_id)
    return Testing(
        suites,
        records,
        suite_runner,
        replying,
        judge,
        *personas,
        labels,
        thumbs,
        concurrent,
        sampled,
        Sampler(sampled, judge, replying, suite_runner, personas=everybody),
    )
