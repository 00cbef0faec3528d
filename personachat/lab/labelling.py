"""One owner's labelling: judged replies one after another, and thumbs in chats as labels.

The judge's verdict is only shown after the person has answered, so that it can't influence them. A thumb
never overwrites an existing label.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from personachat.errors import EditingNotAllowed, SuiteRunRefused
from personachat.lab.judge import Judge
from personachat.lab.labels import Agreement, Labels, reply_key
from personachat.lab.runs.model import JudgedAnswer
from personachat.lab.runs.records import SqlRuns
from personachat.lab.suites.model import JudgeQuestion
from personachat.lab.suites.reading import parse_suite
from personachat.lab.thumbs import RatedReply, ThumbJudging, ThumbsJob, rated_replies
from personachat.usage.model import Origin, Surface

MOST_RUNS = 10
"""The newest runs; replies of older ones say less about today's persona."""

GENERAL = JudgeQuestion(question="Is this a good reply?")
"""The answer that a thumb gives."""


@dataclass(frozen=True, slots=True)
class ToLabel:
    """A reply that a judge has rated and the owner hasn't."""

    run_id: str
    case_number: int
    reply: str
    answer: JudgedAnswer

    @property
    def key(self) -> str:
        """The same in every run with this reply, question and judge."""
        return reply_key(f"{self.reply}\0{self.answer.question}\0{self.answer.judge}")


class Labelling:
    """Methods raise what the database raises besides what they say."""

    def __init__(
        self,
        records: SqlRuns,
        labels: Labels,
        judge: Judge,
        thumbs: ThumbJudging,
        *,
        owner: str,
        surface: Surface,
        may_edit: bool,
    ) -> None:
        self._records = records
        self._labels = labels
        self._judge = judge
        self._thumbs = thumbs
        self._owner = owner
        self._surface: Surface = surface
        self._may_edit = may_edit

    def due(self, persona_id: str, *, without: Collection[str] = ()) -> tuple[ToLabel, ...]:
        """The newest runs' replies to label, in an order that reveals nothing about the verdicts.

        `without` are keys of skipped ones.
        """
        runs = self._records.of(self._owner, persona_id, limit=MOST_RUNS)
        items: dict[str, ToLabel] = {}
        labelled: dict[tuple[str, str], dict[str, bool]] = {}
        for run_id, cell in self._records.newest_cells([run.id for run in runs]):
            for answer in cell.judged:
                if answer.verdict is None:
                    continue
                about = answer.question, answer.judge
                if about not in labelled:
                    labelled[about] = self._labels.of(self._owner, question=about[0], judge=about[1])
                item = ToLabel(run_id, cell.case_number, cell.reply, answer)
                if reply_key(cell.reply) not in labelled[about] and item.key not in without:
                    items.setdefault(item.key, item)
        return tuple(items[key] for key in sorted(items))

    def message_before(self, item: ToLabel) -> str:
        """The person's messages before the reply. Raises SuiteRunNotFound."""
        suite = parse_suite(self._records.get(item.run_id, self._owner).suite_text)
        return suite.cases[item.case_number].all_turns[-1].words

    def answer(self, item: ToLabel, *, label: bool) -> None:
        """Save the correct answer."""
        answer = item.answer
        verdict = bool(answer.verdict)
        self.label(
            question=answer.question, judge=answer.judge, reply=item.reply, label=label, verdict=verdict
        )

    def take_back(self, item: ToLabel) -> None:
        """Remove the label."""
        self._labels.unset(
            self._owner, question=item.answer.question, judge=item.answer.judge, reply=item.reply
        )

    def label(self, *, question: str, judge: str, reply: str, label: bool, verdict: bool) -> None:
        """Save the correct answer to a judge's question about a reply."""
        self._labels.set(
            self._owner, question=question, judge=judge, reply=reply, label=label, verdict=verdict
        )

    def labels(self, *, question: str, judge: str) -> dict[str, bool]:
        """Their labels by the replies' keys."""
        return self._labels.of(self._owner, question=question, judge=judge)

    def agreement(self, *, question: str, judge: str) -> Agreement:
        """How well a judge agrees with them on a question."""
        return self._labels.agreement(self._owner, question=question, judge=judge)

    # --- thumbs -----------------------------------------------------------------------------------

    @property
    def judge(self) -> str | None:
        """The judge as labels name it; None if none is set. Raises ProviderError if it can't be used."""
        return self._judge.answering()

    def rated(self, persona_id: str, *, question: JudgeQuestion) -> tuple[RatedReply, ...]:
        """Replies of chats with thumbs that aren't yet labels for this question and today's judge."""
        judge = self.judge
        labels = self._labels.of(self._owner, question=question.question, judge=judge) if judge else {}
        replies = rated_replies(self._labels.database, self._owner, persona_id)
        return tuple(each for each in replies if reply_key(each.reply) not in labels)

    def label_by_thumbs(
        self, persona_id: str, replies: Sequence[RatedReply], *, question: JudgeQuestion
    ) -> ThumbsJob:
        """Ask the judge about rated replies; each that it answers becomes a label with the thumb's answer.

        Raises EditingNotAllowed, and SuiteRunRefused without a judge or while another run of this kind is
        active.
        """
        if not self._may_edit:
            raise EditingNotAllowed("You can't run tests here.", hint="Ask the person who runs this server.")
        if self._judge.model is None:
            raise SuiteRunRefused("No judge is set.", hint="Set PERSONACHAT_JUDGE_MODEL.")
        origin = Origin(owner=self._owner, purpose="judge", surface=self._surface, persona_id=persona_id)
        return self._thumbs.start(replies, question, origin=origin)

    def thumbs_job(self) -> ThumbsJob | None:
        """The last one that this owner started in this process."""
        return self._thumbs.find(self._owner)
