"""A page of texts, each drawn in a container of its own: as a reply that has ended, or as a frame of one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import streamlit as st

from personachat.ui.chat.stream import Drawing
from personachat.ui.chat.transcript import draw_text

for number, (text, growing) in enumerate(json.loads(Path(os.environ["TEXTS"]).read_text("utf-8"))):
    with st.container(key=f"text_{number}", gap=None):
        if growing:
            Drawing().add(text, ended=False)
        else:
            draw_text(text)
st.markdown(f"![Heard]({os.environ['HEARD']})")  # a picture that is asked for, to show that one would be
st.text("All drawn.")
