"""The API's description is valid OpenAPI, and what generators of clients make of it can be used.

    python .ci/clients/description.py BIN FOLDER    BIN has the generators; FOLDER gets what they make

The product is at BASE_URL.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

TRY_CLIENT = """
import importlib
import pkgutil
import sys

import made.api
from made import Client

client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)
found = {}
for module in pkgutil.walk_packages(made.api.__path__, "made.api."):
    if not module.ispkg:
        found[module.name.rpartition(".")[2]] = importlib.import_module(module.name)
assert len(found) > 30, sorted(found)
assert found["get_health"].sync(client=client).status
(first, *_) = found["list_personas"].sync(client=client)
assert first.name and first.max_tokens >= 1, first
"""

TRY_MODELS = """
import models
persona = models.Persona(id="ada", name="Ada", systemPrompt="Be brief.")
assert persona.id
try:
    models.Persona(id="ada", name="Ada", systemPrompt="Be brief.", maxTokens=0)
except ValueError:
    pass
else:
    raise AssertionError("the least of maxTokens is lost")
"""


def main(bin_folder: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    base = os.environ["BASE_URL"]
    for name in ("api", "v1"):
        with urllib.request.urlopen(f"{base}/{name}/openapi.json", timeout=60) as answer:
            (folder / f"{name}.json").write_bytes(answer.read())
        run(bin_folder / "openapi-spec-validator", f"{name}.json", cwd=folder)
    client = ("--path", "api.json", "--output-path", "made", "--meta", "none", "--overwrite")
    run(bin_folder / "openapi-python-client", "generate", *client, cwd=folder)
    run(bin_folder / "python", "-c", TRY_CLIENT, f"{base}/api", cwd=folder)
    models = ("--input", "api.json", "--input-file-type", "openapi", "--output", "models.py")
    kind = ("--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin")
    run(bin_folder / "datamodel-codegen", *models, *kind, cwd=folder)
    run(bin_folder / "python", "-c", TRY_MODELS, cwd=folder)


def run(*command: str | Path, cwd: Path) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True, timeout=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
