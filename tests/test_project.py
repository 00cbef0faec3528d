"""What holds for the repository as a whole: its promises, its packages, its papers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from typer.core import TyperGroup

from personachat import __version__
from personachat.cli import app
from personachat.cli.options import DefaultGroup
from personachat.settings import Settings, variables

ROOT = Path(__file__).resolve().parent.parent
DOCS = {
    str(file.relative_to(ROOT)): file.read_text("utf-8")
    for file in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
    if file.name != "strings.md"  # a list for review, made from the code
}
"""What people read, by its path."""

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


def test_every_python_that_is_claimed_is_tried_with_the_wheel() -> None:
    claimed = set(re.findall(r":: Python :: (3\.\d+)", "\n".join(PYPROJECT["project"]["classifiers"])))
    (tried,) = re.findall(
        r'^for python in "\$here" (.+); do$', (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE
    )
    assert claimed
    assert claimed <= set(tried.split())


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
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
    assert versions[0] == Version(__version__), "a release has its section, and the package its version"


def test_the_table_of_settings_has_each_setting_once_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z_0-9]+)` \|", DOCS["docs/settings.md"], re.MULTILINE)
    assert sorted(rows) == sorted(variables())


def test_the_table_of_settings_says_what_holds_where_nothing_is_set() -> None:
    said = dict(re.findall(r"^\| `([A-Z_0-9]+)` \| ([^|]+?) \|", DOCS["docs/settings.md"], re.MULTILINE))
    for variable, field in zip(variables(), Settings.model_fields.values(), strict=True):
        default = field.default
        if isinstance(default, bool):
            assert said[variable] == ("yes" if default else "no")
        elif isinstance(default, int | float | str):
            shown = str(default).removesuffix(".0") or "none"
            assert said[variable].strip("`") == shown, variable
        else:  # none, or found out at the start
            assert not re.fullmatch(r"[\d.]+", said[variable]), variable


def test_only_settings_that_exist_are_named() -> None:
    for name, text in DOCS.items():
        named = set(re.findall(r"\bPERSONACHAT_[A-Z_0-9]*[A-Z0-9]\b", text))
        assert named <= set(variables()), name


def test_the_commands_that_are_named_exist_and_take_the_options_that_are_named() -> None:
    commands = dict(every_command())
    written = {
        written
        for text in DOCS.values()
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        for written in re.findall(r"\bpersonachat ([^|;#>]*)", re.sub(r"\s#.*", "", line) + " ")
    }
    assert len(written) > 40
    named = set[str]()
    for arguments in written:
        words = [word for word in arguments.split() if re.fullmatch(r"[a-z-]+", word)]
        name = " ".join(words[:2]) if " ".join(words[:2]) in commands else " ".join(words[:1])
        assert name in commands, arguments
        named.add(name)
        options = {word.partition("=")[0] for word in arguments.split() if word.startswith("--")}
        assert options <= commands[name], arguments
    assert {"serve", "chat", "mcp", "usage", "personas list", "conversations list"} <= named


def every_command() -> Iterator[tuple[str, set[str]]]:
    """The name of each command, with its options; "" is `personachat` alone."""
    root = typer.main.get_command(app)
    yield "", {option for parameter in root.params for option in parameter.opts}
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        below = command.commands if isinstance(command, TyperGroup) else {}
        alone = below[command.default] if isinstance(command, DefaultGroup) else command
        for path, each in {name: alone, **{f"{name} {sub}": each for sub, each in below.items()}}.items():
            yield (
                path,
                {
                    option
                    for parameter in each.params
                    for option in (*parameter.opts, *parameter.secondary_opts)
                },
            )


@pytest.mark.parametrize("page", ["personas", "interchange", "usage"])
def test_what_the_pages_are_said_to_offer_is_on_them(page: str) -> None:
    drawn = "".join(
        file.read_text("utf-8")
        for folder in ("pages", "personachat/ui")
        for file in sorted((ROOT / folder).rglob("*.py"))
    )
    text = re.sub(r"^```.*?^```", "", DOCS[f"docs/{page}.md"], flags=re.MULTILINE | re.DOTALL)
    labels = re.findall(r"(?<![\w*`])\*([A-Z][^*\n]+)\*(?![\w*])", text)
    assert len(labels) > 2
    assert [label for label in labels if label not in drawn] == []


def test_scripts_and_modules_that_are_run_are_there() -> None:
    for name, text in DOCS.items():
        for script in re.findall(r"(?:streamlit run|bash) ([\w./]+)", text):
            assert (ROOT / script).is_file(), name
        for module in re.findall(r"python -m ([\w.]+)", text):
            place = ROOT.joinpath(*module.split("."))
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), name


def test_links_and_pictures_lead_somewhere() -> None:
    for name, text in DOCS.items():
        for target in re.findall(
            r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        ):
            if re.match(r"https?:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (ROOT / name).parent / path if path else ROOT / name
            assert file.exists(), f"{name}: {target}"
            if anchor:
                assert anchor in anchors(file.read_text("utf-8")), f"{name}: {target}"


def anchors(text: str) -> set[str]:
    """What a forge makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    readme = DOCS["README.md"]
    assert len(readme.splitlines()) <= 150
    pages = {name for name in DOCS if name.startswith("docs/")} | {"CONTRIBUTING.md", "CHANGELOG.md"}
    assert {name for name in pages if f"({name})" not in readme} == set()


def test_the_files_that_contributing_names_are_there() -> None:
    text = DOCS["CONTRIBUTING.md"]
    named = {each for each in re.findall(r"`([\w./-]+)`", text) if "/" in each or each.endswith(".py")}
    files = {each for each in named if not each.startswith("NNNN")}
    assert len(files) > 40
    assert {each for each in files if not (ROOT / each).exists()} == set()
    for what in ("setting", "provider", "format", "page", "endpoint", "migration"):
        section = re.search(rf"^## Add an? {what}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert section, what
        assert sum(each in section[1] for each in files) >= 3, what


def test_the_site_has_every_page() -> None:
    named = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    pages = {Path(name).name for name in DOCS if name != "README.md"} | {"index.md"}
    assert set(named) == pages
    assert len(named) == len(pages)


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


def test_a_check_that_is_silenced_says_why() -> None:
    silenced = re.compile(r"#\s*(noqa|type: ignore|pragma: no)\b[^#]*(.*)")
    folders = ("personachat", "pages", "tests", "benchmarks", "docs", ".ci")
    lines = [
        (f"{file.relative_to(ROOT)}:{number}", found[2])
        for file in [
            ROOT / "Home.py",
            *(file for folder in folders for file in (ROOT / folder).rglob("*.py")),
        ]
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if (found := silenced.search(line))
    ]
    assert len(lines) > 200
    assert [place for place, reason in lines if not reason.startswith("# ")] == []


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
