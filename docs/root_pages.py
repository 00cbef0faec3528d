"""Puts README.md, CONTRIBUTING.md and CHANGELOG.md on the documentation's site, each from its one place.

The files stay where people and forges look for them. Links between them and docs/ hold in both places.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
"""A file at the root, and what it is called on the site."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from the root, their links as seen from docs/."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text("utf-8").replace("](docs/", "](")
        files.append(File.generated(config, page, content=text))
    licence = (ROOT / "LICENSE").read_text("utf-8")
    files.append(File.generated(config, "LICENSE", content=licence))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Lead links from docs/ to the root, such as ../README.md, to the page on the site."""
    return re.sub(r"\]\(\.\./(\w+\.md)", lambda link: f"]({PAGES.get(link[1], link[0])}", markdown)
