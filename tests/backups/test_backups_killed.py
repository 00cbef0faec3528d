"""SIGKILL at any moment: a backup is whole or not there, and a restored database is whole or as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from personachat.backups.making import make_backup
from personachat.backups.restoring import restore_backup
from personachat.settings import Settings
from tests.backups.conftest import KINDS, contents, empty, files_in
from tests.network_guard import guarded

KILLED = """
import os, pathlib, signal
from personachat.backups import making, restoring
from personachat.settings import load_settings

def killing(module, name, times):
    done = [0]
    work = getattr(module, name)
    def work_or_die(*arguments):
        if done[0] == times:
            os.kill(os.getpid(), signal.SIGKILL)
        done[0] += 1
        return work(*arguments)
    setattr(module, name, work_or_die)

killing({module}, {name!r}, {times})
{work}(load_settings(), pathlib.Path({file!r}))
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


def killed(settings: Settings, file: Path, *, module: str, name: str, times: int) -> None:
    """Run it in a process that kills itself when it does something for the `times`-th time."""
    work = {"making": "making.make_backup", "restoring": "restoring.restore_backup"}[module]
    code = KILLED.format(module=module, name=name, times=times, work=work, file=str(file))
    url = settings.database_url
    environment = {
        **guarded(),
        "PATH": os.environ["PATH"],
        "HOME": str(file.parent),
        "PERSONACHAT_PERSONAS_DIR": str(settings.personas_dir),
        "PERSONACHAT_DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": url.get_secret_value() if url else "",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(("name", "times"), [("_write_table", 3), ("_manifest", 0)])
def test_a_backup_that_is_killed_leaves_the_one_before_and_the_next_one_works(
    name: str, times: int, used: Settings, fresh: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "all.zip"
    killed(used, file, module="making", name=name, times=times)
    assert not file.exists()
    make_backup(used, file)
    before = file.read_bytes()
    killed(used, file, module="making", name=name, times=times)
    assert file.read_bytes() == before
    make_backup(used, file)
    restore_backup(fresh, file)
    assert contents(fresh) == contents(used)


@pytest.mark.parametrize(("name", "times"), [("_insert", 4), ("replace_file", 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_restore_that_is_killed_leaves_the_database_empty_and_can_be_done_again(
    kind: str, name: str, times: int, used: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "all.zip"
    make_backup(used, file)
    with empty(kind, tmp_path / "target") as target:
        new = contents(target)
        killed(target, file, module="restoring", name=name, times=times)
        assert contents(target) == new
        restore_backup(target, file)
        assert contents(target) == contents(used)
        assert files_in(target) == files_in(used)
