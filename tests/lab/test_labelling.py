"""People label judged replies one by one, and thumbs of chats become labels."""

from __future__ import annotations

import pytest

from personachat.errors import EditingNotAllowed, SuiteRunRefused
from personachat.lab.labelling import GENERAL
from personachat.lab.labels import Agreement
from personachat.lab.runs.wish import RunWish
from personachat.lab.suites.model import JudgeQuestion
from personachat.lab.thumbs import ThumbsJob
from personachat.messages import ChatMessage
from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from tests.conftest import local
from tests.fake_provider import Gate, tokens
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider, is_judging, last_words, verdict
from tests.pages.conversing import wait_for_end

JUDGED = """\
persona: tester
repeat: 2
cases:
  - { name: kind, say: Hello, check: [{ judge: Is it kind? }] }
  - { name: brief, say: Bye, check: [{ judge: Is it brief? }, { judge: Is it kind? }] }
"""


def play(fake: ScriptedProvider, *, answer: str = "yes") -> None:
    """The persona numbers its replies; the judge answers always the same."""
    count = iter(range(1000))

    def script(body: object) -> str:
        assert isinstance(body, dict)
        if is_judging(body):
            return verdict(answer, "answer")
        return f"My answer {next(count)} to {last_words(body)}"

    fake.script = script


def rate(services: Services, *thumbs: int, owner: str = LOCAL_OWNER) -> None:
    """A chat whose replies have these thumbs."""
    here = services.of(owner)
    for number, thumb in enumerate(thumbs):
        said = [ChatMessage("user", f"Question {number}"), ChatMessage("assistant", f"An answer {number}")]
        conversation = here.chat.start()
        wait_for_end(here.chat.send(conversation.id, "More", persona_id="tester", history=said))
        reply = here.chat.conversation(conversation.id).path[1]
        here.branches.rate(reply.id, 1 if thumb > 0 else -1)


def over(job: ThumbsJob) -> ThumbsJob:
    assert job.ended.wait(20)
    return job


def test_each_judged_reply_is_due_once_for_each_question(services: Services, fake: ScriptedProvider) -> None:
    play(fake)
    tests = local(services).tests
    tests.suites.save("tester", JUDGED)
    ended(tests.start(RunWish(persona_id="tester")))
    labelling = tests.labelling
    due = labelling.due("tester")
    assert len(due) == 6
    assert {labelling.message_before(item) for item in due} == {"Hello", "Bye"}
    labelling.answer(due[0], label=False)
    assert [item.key for item in labelling.due("tester")] == [item.key for item in due[1:]]
    found = labelling.agreement(question=due[0].answer.question, judge=due[0].answer.judge)
    assert found == Agreement(no_yes=1)
    labelling.take_back(due[0])
    assert labelling.due("tester")[0].key == due[0].key
    assert len(labelling.due("tester", without={due[0].key})) == 5
    assert services.of("browser:other").tests.labelling.due("tester") == ()


def test_a_verdict_that_could_not_be_read_is_not_labelled(services: Services, fake: ScriptedProvider) -> None:
    fake.script = lambda body: "verdict: pass" if is_judging(body) else "An answer"
    tests = local(services).tests
    tests.suites.save("tester", JUDGED)
    ended(tests.start(RunWish(persona_id="tester")))
    assert tests.labelling.due("tester") == ()


def test_thumbs_become_labels_beside_what_the_judge_says(services: Services, fake: ScriptedProvider) -> None:
    play(fake)
    rate(services, 1, 1, -1)
    labelling = local(services).tests.labelling
    rated = labelling.rated("tester", question=GENERAL)
    assert {(each.message, each.reply, each.liked) for each in rated} == {
        ("Question 0", "An answer 0", True),
        ("Question 1", "An answer 1", True),
        ("Question 2", "An answer 2", False),
    }
    job = over(labelling.label_by_thumbs("tester", rated, question=GENERAL))
    assert (job.done, job.labelled, job.trouble) == (3, 3, "")
    judge = labelling.judge
    assert judge == "openai/fake-2"
    assert labelling.agreement(question=GENERAL.question, judge=judge) == Agreement(yes_yes=2, no_yes=1)
    assert labelling.rated("tester", question=GENERAL) == ()
    other = services.of("browser:other").tests.labelling
    assert other.rated("tester", question=GENERAL) == ()
    assert other.thumbs_job() is None


def test_a_thumb_up_stands_for_the_answer_that_passes(services: Services, fake: ScriptedProvider) -> None:
    play(fake, answer="no")
    rate(services, 1)
    question = JudgeQuestion(question="Does it give medical advice?", expect=False)
    labelling = local(services).tests.labelling
    rated = labelling.rated("tester", question=question)
    over(labelling.label_by_thumbs("tester", rated, question=question))
    found = labelling.agreement(question=question.question, judge="openai/fake-2")
    assert found == Agreement(no_no=1)


def test_a_label_that_a_person_gives_meanwhile_stays_whatever_the_thumb_says(
    services: Services, fake: ScriptedProvider
) -> None:
    play(fake)
    rate(services, 1)
    labelling = local(services).tests.labelling
    rated = labelling.rated("tester", question=GENERAL)
    gate = Gate()
    fake.enqueue(tokens([gate, verdict("yes", "An answer")]))
    job = labelling.label_by_thumbs("tester", rated, question=GENERAL)
    gate.wait_reached()
    question, judge = GENERAL.question, "openai/fake-2"
    labelling.label(question=question, judge=judge, reply=rated[0].reply, label=False, verdict=True)
    gate.open()
    assert over(job).labelled == 1
    assert labelling.agreement(question=question, judge=judge) == Agreement(no_yes=1)


def test_thumbs_without_a_verdict_stay_unlabelled_and_say_why(
    services: Services, fake: ScriptedProvider
) -> None:
    play(fake, answer="perhaps")
    rate(services, 1)
    labelling = local(services).tests.labelling
    rated = labelling.rated("tester", question=GENERAL)
    job = over(labelling.label_by_thumbs("tester", rated, question=GENERAL))
    assert (job.labelled, job.unread, job.trouble) == (0, 1, "The judge answered neither yes nor no.")
    assert labelling.rated("tester", question=GENERAL) == rated


def test_who_may_not_edit_and_who_has_no_judge_cannot_label_by_thumbs(
    services: Services, make_services: object
) -> None:
    labelling = services.of("browser:reader", may_edit=False).tests.labelling
    with pytest.raises(EditingNotAllowed):
        labelling.label_by_thumbs("tester", (), question=GENERAL)
    assert callable(make_services)
    without = local(make_services()).tests.labelling
    assert without.judge is None
    with pytest.raises(SuiteRunRefused, match="No judge is set"):
        without.label_by_thumbs("tester", (), question=GENERAL)
