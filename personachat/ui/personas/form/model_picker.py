"""The form's choice of a model: the models that providers list, or any other name."""

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
"""Seconds between two checks whether the providers' lists have come."""


def draw(text: FormText, path: Path, label: str) -> None:
    """Draw the choice; names that come later are added when they come."""
    models = known_models()
    draw_choice(text, path, label, models.names, placeholder=(f"{DEFAULT_MODEL}, or choose or enter another"))
    if models.faults:
        st.caption(escaped(" ".join(models.faults)))
    redraw_after(models)


def known_models() -> KnownModels:
    """The providers' lists so far; doesn't wait."""
    return session.services().model_names.all()


def redraw_after(models: KnownModels) -> None:
    """Redraw the page once more is known than when it was drawn."""
    if not models.complete:
        _watch()


@st.fragment(run_every=WATCH_SECONDS)
def _watch() -> None:
    if known_models().complete:
        st.rerun()
