"""What to do if no model answers, in terms of the host that PersonaChat runs on."""

from __future__ import annotations

import socket
from pathlib import Path

from personachat.providers.weights import llama_is_installed
from personachat.settings import APP

COMMUNITY_CLOUD_FOLDER = Path("/mount/src")
"""The folder in which Streamlit Community Cloud puts an app's repository."""

SECRETS_PANEL = "the app's settings on Streamlit Community Cloud, under Secrets"


def on_community_cloud() -> bool:
    """Whether this app runs on Streamlit Community Cloud, where files don't survive a restart."""
    return COMMUNITY_CLOUD_FOLDER in APP.parents or socket.gethostname() == "streamlit"


def set_key() -> str:
    """How to connect an external model."""
    if on_community_cloud():
        own_server = "For a server other than OpenAI's, add OPENAI_BASE_URL."
        return f'Add OPENAI_API_KEY = "..." in {SECRETS_PANEL}. {own_server}'
    return "Set OPENAI_API_KEY. Or set OPENAI_BASE_URL, to http://localhost:11434/v1 for Ollama, for example."


def install_offline() -> str:
    """How to install the offline model; "" if that isn't possible."""
    if on_community_cloud():
        return ""
    return f"Or install the offline model: {_commands()}"


def offline_missing() -> str:
    """What to do if someone requests the offline model."""
    if on_community_cloud():
        return f"It can't be installed here. {set_key()}"
    return f"Install it with: {_commands()}"


def _commands() -> str:
    install = "personachat local install"
    return install if llama_is_installed() else f'pip install "personachat[local]" && {install}'
