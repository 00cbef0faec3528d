"""No test reaches another machine: neither this process, nor those that it starts with Python.

Importing this guards the process. What a browser may reach is for its flags to say.
"""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import tempfile
from pathlib import Path

GUARD = Path(__file__).with_name("loopback_only")
"""The folder that a guarded process has on its PYTHONPATH."""

_REFUSED = Path(tempfile.mkdtemp(prefix="personachat-tests-")) / "hosts"
atexit.register(shutil.rmtree, _REFUSED.parent, ignore_errors=True)


def refused_hosts() -> list[str]:
    """What was refused since this was asked last, here and in the processes that were started here."""
    try:
        hosts = _REFUSED.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    _REFUSED.unlink()
    return hosts


def guarded(*folders: str | Path) -> dict[str, str]:
    """The variables that guard a process which gets an environment of its own; `folders` are on its path."""
    path = os.pathsep.join(str(folder) for folder in (GUARD, *folders))
    return {"PYTHONPATH": path, "TESTS_REFUSED_HOSTS": str(_REFUSED)}


def _guard() -> None:
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(GUARD) not in folders:  # else whoever started this process has guarded it
        importlib.import_module("tests.loopback_only.sitecustomize")
    os.environ |= guarded(*(folder for folder in folders if folder not in ("", str(GUARD))))


_guard()
