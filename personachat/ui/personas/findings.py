"""Likely problems of a valid persona, their fixes, and the tokens and cost of a message to it."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter

import streamlit as st

from personachat.authoring.linting import Estimate, Finding, fixed
from personachat.jsontext.faults import Path
from personachat.ui import forecast_view, session
from personachat.ui.personas import actions as editing
from personachat.ui.personas.desk import OpenPersona
from personachat.ui.personas.form.binding import ORDER, change
from personachat.ui.wording import counted, escaped, money

MOST_FINDINGS = 10
PROMPT: Path = ("systemPrompt",)
ICONS = {"warning": ":material/warning:", "info": ":material/info:"}


def findings_of(open_persona: OpenPersona) -> tuple[Finding, ...]:
    """The findings of the current text; none while it has errors."""
    return () if open_persona.persona is None else session.services().linter.lint(open_persona.text)


def draw(open_persona: OpenPersona, *, beside_prompt: bool = False) -> None:
    """One row per finding, and the estimate; nothing while the text has errors.

    A finding in several places of one text is one row, which leads to the first of them. Beside the prompt's
    field, a finding in the prompt links to its line there.
    """
    if open_persona.persona is None:
        return
    findings = findings_of(open_persona)
    places = Counter(map(_what, findings))
    firsts = {_what(finding): finding for finding in reversed(findings)}
    with st.container(gap="xsmall"):
        for number, what in enumerate(list(places)[:MOST_FINDINGS]):
            finding = firsts[what]
            is_here = beside_prompt and finding.path == PROMPT
            line = open_persona.persona.system_prompt[: finding.at].count("\n") + 1 if is_here else None
            _draw_row(open_persona, number, finding, prompt_line=line, places=places[what])
    if len(places) > MOST_FINDINGS:
        st.caption(f"… and {len(places) - MOST_FINDINGS} more below these.")
    st.caption(escaped(estimate_text(session.services().linter.estimate(open_persona.persona))))
    forecast_view.draw_usual(session.services(), open_persona.persona, open_persona.id)


def estimate_text(estimate: Estimate) -> str:
    """What a message takes, on one line; of the price only what is known."""
    parts = [
        f"About {counted(estimate.prompt_tokens, 'token')} per message",
        f"up to {estimate.reply_tokens_most:,} in the reply",
    ]
    if estimate.cost_usd_most is not None:
        parts.append(f"up to {money(estimate.cost_usd_most)}")
    return ", ".join(parts)


def _draw_row(
    open_persona: OpenPersona, number: int, finding: Finding, *, prompt_line: int | None, places: int
) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if prompt_line is None:
            st.button(
                f"Line {finding.line}",
                icon=ICONS[finding.severity],
                type="tertiary",
                key=f"finding-{number}",
                help="Show the line in the JSON",
                on_click=editing.show_line,
                args=(finding.line,),
            )
        else:  # `prompt.js` selects the line in the key
            st.button(
                f"Line {prompt_line}",
                icon=ICONS[finding.severity],
                type="tertiary",
                key=f"prompt_line-{prompt_line}-{number}",
                help="Show the line in the prompt",
            )
        with st.container(gap=None, width="stretch"):  # as a container it stays beside the button
            st.markdown(escaped(finding.message))
            if places > 1:
                st.caption(f"In {places:,} places")
        if finding.fix:
            st.button(
                escaped(finding.fix.label),
                icon=":material/build:",
                key=f"fix-{number}",
                help="Fix this in the draft" if places == 1 else f"Fix all {places:,} in the draft",
                on_click=_fix,
                args=(open_persona, finding),
            )


def _fix(open_persona: OpenPersona, finding: Finding) -> None:
    """Mend a finding in the draft as it stands now, wherever it is; what is gone by now is left alone."""

    def mended(text: str) -> str:
        now = session.services().linter.lint(text)
        fixes = {each.fix for each in now if each.fix and _what(each) == _what(finding)}
        for fix in sorted(fixes, key=attrgetter("at"), reverse=True):  # the places before it stay
            text = fixed(text, fix, order=ORDER)
        return text

    change(open_persona, mended)


def _what(finding: Finding) -> tuple[str, Path, str]:
    return finding.code, finding.path, finding.message
