"""What the first page would otherwise wait for, done once in the background at the start.

`st.write_stream` imports pandas, numpy and pyarrow when it is first called, two seconds into the first
reply; the first Markdown parser takes its time as well.
"""

from __future__ import annotations

import gc
import importlib
import logging
import threading

import streamlit as st

from personachat.ui.markdown import pieces_of

log = logging.getLogger(__name__)

MODULES = ("pandas", "pyarrow", "streamlit.dataframe_util")


def warm_up() -> None:
    """Import and build what the first reply needs; takes seconds, call it off the request path."""
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ImportError:  # pyarrow is missing on some platforms, and Streamlit does without it there
            log.debug("%s is not there to be warmed up", module)
    pieces_of("# Warm\n\nup\n" * 60)
    gc.collect()
    gc.freeze()


@st.cache_resource(show_spinner=False)
def warm_up_once() -> threading.Thread:
    """Begin to warm up, once in this process."""
    thread = threading.Thread(target=warm_up, name="personachat-warm-up", daemon=True)
    thread.start()
    return thread
