"""The JUnit file of a run is what CI servers read: junit-10.xsd of Jenkins' xunit-plugin."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from personachat.lab.runs.documents import junit
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider, broken, last_words

ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors", "disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "timestamp", "skipped", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set[str](), {"property"}),
    "property": ({"name", "value"}, set[str]()),
    "testcase": ({"name", "classname", "time", "assertions", "status"}, {"failure", "error", "skipped"}),
    "failure": ({"type", "message"}, set[str]()),
    "error": ({"type", "message"}, set[str]()),
}
REQUIRED = {"testsuite": {"name", "tests"}, "testcase": {"name", "classname"}}
SUITE = """\
persona: tester
repeat: 2
cases:
  - { name: "]]> <b> & \\u202e", say: fine, check: [ { contains: fine } ] }
  - { name: "a \\"quote\\"", say: wrong, check: [ { not_contains: "\\x1b]0;x" }, { contains: never } ] }
  - { name: no provider, say: broken, check: [ { contains: x } ] }
"""


def test_it_keeps_to_the_schema_whatever_is_said(tests: Tests, fake: ScriptedProvider) -> None:
    fake.script = lambda body: (
        broken()
        if last_words(body) == "broken"
        else f"{last_words(body)} \x08\x1b[31m\x0c\ufffe ]]> </failure>"
    )
    tests.suites.save("tester", SUITE)
    report = tests.runs.report(ended(tests.start(RunWish(persona_id="tester"))).plan.run.id)
    content = junit([report])
    root = ET.fromstring(content)  # our own
    check(root)
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [case.get("name") for case in suite] == ["]]> <b> & \u202e", 'a "quote"', "no provider"]
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["error"]]
    assert "wrong \ufffd\ufffd[31m" in str(suite[1][0].text)
    assert not set(range(9)) & set(content)


def check(element: ET.Element) -> None:
    attributes, children = ALLOWED[element.tag]
    assert set(element.attrib) <= attributes, element.attrib
    assert REQUIRED.get(element.tag, set()) <= set(element.attrib)
    for child in element:
        assert child.tag in children, child.tag
        check(child)
