"""`personachat local install`: the offline model's weights."""

from __future__ import annotations

from personachat.cli.console import note
from personachat.providers.weights import install_weights, installed_weights, llama_is_installed


def install() -> None:
    """Raises NoModelAvailable."""
    weights = installed_weights()
    if weights is None:
        note("Downloading the offline model (90 MB) ...")
        weights = install_weights()
    note(f"The offline model's weights are in {weights}.")
    if llama_is_installed():
        note("It answers when no key is set. Restart PersonaChat if it is running.")
    else:
        note('To run them, install llama.cpp as well: pip install "personachat[local]"')
