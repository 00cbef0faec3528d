"""The files that people deploy with: what they name exists, fits together, and is safe by itself."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from personachat.api.app import create_api
from personachat.cli import app
from personachat.services import Services
from personachat.settings import APP, Settings, variables
from tests.api.conftest import served

DOCKERFILE = (APP / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((APP / "compose.yaml").read_text("utf-8"))
UNIT = (APP / "deploy" / "personachat.service").read_text("utf-8")
KUBERNETES = list(yaml.safe_load_all((APP / "deploy" / "kubernetes.yaml").read_text("utf-8")))
RELEASE = yaml.safe_load((APP / ".github" / "workflows" / "release.yml").read_text("utf-8"))
OPERATIONS = (APP / "docs" / "operations.md").read_text("utf-8")
DEPLOYED = [APP / "Dockerfile", APP / "compose.yaml", *sorted((APP / "deploy").iterdir())]

OTHERS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "SITE"}
"""What other programs in these files read."""


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [each for each in KUBERNETES if each["kind"] == kind]
    assert isinstance(found, dict)
    return found


def pod() -> dict[str, Any]:
    return dict(of_kind("Deployment")["spec"]["template"]["spec"])


def container() -> dict[str, Any]:
    (found,) = pod()["containers"]
    return dict(found)


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its arguments, lines that go on joined."""
    lines = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines if line]


def last(instruction: str) -> str:
    return [arguments for name, arguments in instructions() if name == instruction][-1]


@pytest.mark.parametrize("file", DEPLOYED, ids=lambda file: file.name)
def test_every_variable_of_ours_is_a_setting(file: Path) -> None:
    named = set(re.findall(r"\bPERSONACHAT_[A-Z_0-9]+", file.read_text("utf-8")))
    assert named <= set(variables())


def test_compose_sets_nothing_that_nobody_reads() -> None:
    for service in COMPOSE["services"].values():
        assert set(service.get("environment", {})) <= {*variables(), *OTHERS}
    asked_for = set(re.findall(r"\$\{([A-Z_]+)", (APP / "compose.yaml").read_text("utf-8")))
    assert asked_for <= {*variables(), *OTHERS}
    section = OPERATIONS.partition("### Docker Compose")[2].partition("\n### ")[0]
    assert [name for name in sorted(asked_for) if name not in section] == []


def commands() -> list[list[str]]:
    return [
        json.loads(last("CMD")),
        shlex.split(re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)[0]),
    ]


@pytest.mark.parametrize("command", commands(), ids=["Dockerfile", "systemd"])
def test_the_commands_exist_and_take_their_options(command: list[str]) -> None:
    program, name, *arguments = command
    assert Path(program).name == "personachat"
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    root.commands[name].make_context(name, arguments, resilient_parsing=False)


def test_the_image_runs_as_nobody_special_and_holds_no_secret_or_leftover() -> None:
    names = [name for name, _ in instructions()]
    assert last("USER") not in {"", "0", "root"}
    assert names.index("USER") < names.index("CMD")
    assert names.count("FROM") == 2  # what builds is not in what runs
    ignored = (APP / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    assert ignored.index(".streamlit/secrets.toml") > ignored.index("!.streamlit")
    for each in ignored:
        assert not each.startswith("!") or (APP / each[1:]).exists()
    wheel = re.findall(r"only-include = \[(.*?)\]", (APP / "pyproject.toml").read_text("utf-8"))[0]
    needed = {Path(name).parts[0] for name in re.findall(r'"(.*?)"', wheel)} | {
        "Home.py",
        "LICENSE",
        "README.md",
    }
    assert {f"!{name}" for name in needed} <= set(ignored)


def test_the_images_folders_are_those_that_the_user_may_write_in() -> None:
    for folder in re.findall(r"PERSONACHAT_(?:DATA|PERSONAS)_DIR=(\S+)", last("ENV")):
        assert folder.startswith("/data/")
    assert json.loads(last("VOLUME")) == ["/data"]
    mounted = {each["mountPath"] for each in container()["volumeMounts"]}
    assert {"/data", "/tmp"} <= mounted


def test_the_images_health_check_sees_a_server_that_lives_and_one_that_does_not(services: Services) -> None:
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    with served(services) as client:
        here = [part.replace("127.0.0.1:8501", f"127.0.0.1:{client.base_url.port}") for part in command]
        assert subprocess.run(here, check=False, timeout=60, capture_output=True).returncode == 0
    assert subprocess.run(here, check=False, timeout=60, capture_output=True).returncode != 0


def test_every_probe_asks_what_is_there(services: Services) -> None:
    described = create_api(lambda: services).openapi()["paths"]
    for probe, path in {
        "livenessProbe": "/health",
        "startupProbe": "/health",
        "readinessProbe": "/ready",
    }.items():
        assert container()[probe]["httpGet"] == {"path": f"/api{path}", "port": "http"}
        assert path in described
    assert {each["name"] for each in container()["ports"]} == {"http"}


def test_whoever_stops_a_server_waits_until_its_replies_have_ended() -> None:
    least = Settings.model_fields["shutdown_seconds"].default
    waits = {
        "compose": float(COMPOSE["services"]["personachat"]["stop_grace_period"].removesuffix("s")),
        "systemd": float(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[0]),
        "kubernetes": pod()["terminationGracePeriodSeconds"]
        - float(container()["lifecycle"]["preStop"]["exec"]["command"][1]),
    }
    assert {name: seconds for name, seconds in waits.items() if seconds <= least} == {}


def test_what_compose_and_kubernetes_refer_to_is_there() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert (APP / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]
    assert "database" in services["personachat"]["environment"]["DATABASE_URL"]
    labels = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    for selector in (
        of_kind("Service")["spec"]["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind("Deployment")["spec"]["selector"]["matchLabels"],
    ):
        assert selector == labels
    (rule,) = of_kind("Ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"]["name"] == of_kind("Service")["metadata"]["name"]
    assert {each["name"] for each in pod()["volumes"]} == {
        each["name"] for each in container()["volumeMounts"]
    }
    secret = container()["envFrom"][0]["secretRef"]["name"]
    assert f"kubectl create secret generic {secret}" in OPERATIONS


def test_several_servers_share_their_personas_and_keep_a_browser() -> None:
    assert of_kind("Deployment")["spec"]["replicas"] > 1
    assert {"name": "PERSONACHAT_PERSONA_STORE", "value": "database"} in container()["env"]
    assert of_kind("Ingress")["metadata"]["annotations"]["nginx.ingress.kubernetes.io/affinity"] == "cookie"
    assert of_kind("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_nothing_in_a_container_may_become_more_than_it_is() -> None:
    security = container()["securityContext"]
    assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert str(pod()["securityContext"]["runAsUser"]) == last("USER")
    ours = COMPOSE["services"]["personachat"]
    assert (ours["read_only"], ours["cap_drop"]) == (True, ["ALL"])
    assert "ports" not in ours  # only Caddy is reached from elsewhere


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # looser than the types on purpose
    unit.read_string(UNIT)
    service = unit["Service"]
    assert (service["DynamicUser"], service["ProtectSystem"]) == ("yes", "strict")
    assert service["StateDirectory"] == Path(service["WorkingDirectory"]).name
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not there")
    here = tmp_path / "personachat.service"
    here.write_text(UNIT.replace(service["ExecStart"].split()[0], "/bin/true"), "utf-8")
    checked = subprocess.run(
        [analyze, "verify", str(here)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "personachat.service" not in checked.stderr, checked.stderr


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("Caddy is not there")
    done = subprocess.run(
        [caddy, "adapt", "--config", str(APP / "deploy" / "Caddyfile"), "--adapter", "caddyfile"],
        env={**os.environ, "SITE": "chat.example.com", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    adapted = json.dumps(json.loads(done.stdout))
    (upstream,) = re.findall(r'"dial": "(.*?)"', adapted)
    assert upstream == f"personachat:{last('EXPOSE')}"
    assert "chat.example.com" in adapted


@pytest.mark.parametrize(
    "way", ["### Docker Compose", "### systemd", "### Kubernetes", "### Community Cloud"]
)
def test_each_way_is_documented(way: str) -> None:
    assert way in OPERATIONS


def test_a_release_is_checked_and_signed_before_it_is_published() -> None:
    triggers = RELEASE[True]  # YAML reads the key `on` so
    assert triggers == {"push": {"tags": ["v*"]}}
    jobs = RELEASE["jobs"]
    assert set(jobs["publish"]["needs"]) == {"build", "sign"}
    assert jobs["sign"]["needs"] == "build"
    assert jobs["build"]["needs"] == "check"
    assert any("twine check" in step.get("run", "") for step in jobs["build"]["steps"])
    assert RELEASE["permissions"] == {"contents": "read"}
    assert "id-token" not in jobs["build"].get("permissions", {})
    assert "secrets." not in (APP / ".github" / "workflows" / "release.yml").read_text("utf-8")


def test_a_release_runs_the_tests_on_every_python_that_is_claimed() -> None:
    check = RELEASE["jobs"]["check"]
    classifiers = tomllib.loads((APP / "pyproject.toml").read_text("utf-8"))["project"]["classifiers"]
    claimed = [each for each in (name.rpartition(":: Python :: ")[2] for name in classifiers) if "." in each]
    assert check["strategy"]["matrix"]["python"] == claimed
    (run,) = [step for step in check["steps"] if step.get("run") == "bash .ci/run"]
    assert run["env"] == {"UV_PYTHON": "${{ matrix.python }}"}


def test_the_releases_own_check_compares_tag_and_version(tmp_path: Path) -> None:
    (step,) = [
        step for step in RELEASE["jobs"]["build"]["steps"] if step.get("name") == "The tag is the version"
    ]
    (tmp_path / "personachat").mkdir()
    (tmp_path / "personachat" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.3] - 2026-12-01\n")
    for tag, fine in {"v1.2.3": True, "v1.2.4": False, "1.2.3": False}.items():
        environment = os.environ | {"TAG": tag}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=environment, check=False, capture_output=True
        )
        assert (done.returncode == 0) == fine, done.stderr
