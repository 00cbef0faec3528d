"""What holds for the repository as a whole: its promises, its packages, its papers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from personachat import __version__
from personachat.settings import variables

ROOT = Path(__file__).resolve().parent.parent
IGNORED = {".git", ".venv", "data", "dist", "build", "__pycache__", "uv.lock", "secrets.toml"}
TEXTS = {".cfg", ".css", ".html", ".ini", ".js", ".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml", ""}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def project_files() -> list[Path]:
    """The text files that git tracks or would; those of a plain copy where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        files = [file for file in ROOT.rglob("*") if not IGNORED & set(file.relative_to(ROOT).parts)]
    return [
        file
        for file in files
        if file.is_file() and file.suffix in TEXTS and not re.search(r"cache", str(file.relative_to(ROOT)))
    ]


def core() -> list[Requirement]:
    return [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]


def pins() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_requirements_pin_every_core_dependency_within_its_range() -> None:
    pinned = {canonical(pin.name): pin for pin in pins()}
    for requirement in core():
        pin = pinned.get(canonical(requirement.name))
        assert pin is not None, f"{requirement.name} is missing: compile requirements.txt again"
        version = next(iter(pin.specifier)).version
        assert requirement.specifier.contains(version), f"{pin} is outside of {requirement}"


def test_requirements_are_pins_and_nothing_else() -> None:
    for pin in pins():
        assert [specifier.operator for specifier in pin.specifier] == ["=="], pin
        assert pin.url is None
    text = (ROOT / "requirements.txt").read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_requirements_say_one_version_for_each_supported_python(python: str) -> None:
    assert SpecifierSet(PYPROJECT["project"]["requires-python"]).contains(f"{python}.0")
    environment = {"python_full_version": f"{python}.9", "python_version": python, "sys_platform": "linux"}
    names = [canonical(pin.name) for pin in pins() if pin.marker is None or pin.marker.evaluate(environment)]
    assert len(names) == len(set(names))
    assert {canonical(requirement.name) for requirement in core()} <= set(names)


def test_the_change_log_knows_the_version_and_what_is_unreleased() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    versions = [Version(heading) for heading in headings[1:]]
    assert versions == sorted(versions, reverse=True)
    assert Version(__version__) >= max(versions, default=Version("0"))


def test_the_readme_lists_every_setting() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [name for name in variables() if name not in readme]
    assert not missing


def test_the_readme_names_only_settings_that_exist() -> None:
    named = set(re.findall(r"\bPERSONACHAT_[A-Z_]+\b", (ROOT / "README.md").read_text("utf-8")))
    assert named <= set(variables())


def test_the_readmes_commands_exist() -> None:
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    found = [re.search(r"\bpersonachat ((?:serve|chat|personas)(?: [a-z]+)?|--\S+)", line) for line in lines]
    commands = {match.group(1) for match in found if match}
    assert {"personas list", "personas validate"} <= commands
    for command in commands:
        words = [word for word in command.split() if not word.startswith("--")]
        words = words if words[:1] == ["personas"] else words[:1]
        shown = subprocess.run(
            [sys.executable, "-c", "from personachat.cli import main; main()", *words, "--help"],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert shown.returncode == 0, command
    for script in re.findall(r"streamlit run (\S+\.py)", "\n".join(lines)):
        assert (ROOT / script).is_file()


def test_the_readmes_links_and_pictures_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", readme):
        assert (ROOT / target).exists(), target


def test_nothing_names_a_package_index_or_a_place_on_somebodys_machine() -> None:
    # In pieces, so that this file does not find itself.
    hosts = [
        "pypi." + "org",
        "python" + "hosted",
        "registry." + "npmjs",
        "index" + "-url =",
        "extra-index" + "-url",
    ]
    places = [
        r"/ro" + r"ot/",
        r"/ho" + r"me/(?!appuser)\w+/",
        r"/Us" + r"ers/\w+/",
        r"[A-Z]:\\\\?Us" + r"ers\\",
        r"/wo" + r"rk/",
    ]
    unwanted = re.compile("|".join([*map(re.escape, hosts), *places]))
    for file in project_files():
        found = unwanted.search(file.read_text("utf-8", "replace"))
        assert found is None, f"{file.relative_to(ROOT)}: {found.group() if found else ''}"


def test_lock_files_with_addresses_and_secrets_are_ignored() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"uv.lock", ".streamlit/secrets.toml", "/data/", ".env"} <= set(ignored)


def test_imports_go_downward() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_module_says_what_it_owns() -> None:
    for file in sorted((ROOT / "personachat").rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        if tree.body:
            assert ast.get_docstring(tree), file.relative_to(ROOT)


def test_every_top_level_module_is_in_a_layer() -> None:
    contract = PYPROJECT["tool"]["importlinter"]["contracts"][0]
    layered = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    there = {
        path.stem
        for path in (ROOT / "personachat").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert there - {"__init__"} == layered
