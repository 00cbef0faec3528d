"""The form's choice of a model: what the providers offer, or any other name."""

from __future__ import annotations

import streamlit as st

from personachat.jsontext.faults import Path
from personachat.personas.persona import Persona
from personachat.providers.catalogue import KnownModels
from personachat.ui import session
from personachat.ui.personas.form.binding import FormText
from personachat.ui.personas.form.fields import draw_choice
from personachat.ui.wording import escaped

DEFAULT_MODEL = str(Persona.model_fields["model"].default)

WATCH_SECONDS = 1.0
"""How often a page that waits for the providers' lists looks whether they have come."""


def draw(text: FormText, path: Path, label: str) -> None:
    """Draw the choice; names that come later are in it when they have come."""
    models = known_models()
    draw_choice(text, path, label, models.names, placeholder=(f"{DEFAULT_MODEL}, or choose or enter another"))
    if models.faults:
        st.caption(escaped(" ".join(models.faults)))
    redraw_after(models)


def known_models() -> KnownModels:
    """What the providers have said up to now; waits for nothing."""
    return session.services().model_names.all()


def redraw_after(models: KnownModels) -> None:
    """Draw the page again once more is known than this, with which it was drawn."""
    if not models.complete:
        _watch()


@st.fragment(run_every=WATCH_SECONDS)
def _watch() -> None:
    if known_models().complete:
        st.rerun()
