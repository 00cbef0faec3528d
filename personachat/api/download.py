"""Conversations as a file to save."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Query
from starlette.responses import Response

from personachat.library import Exported

Format = Annotated[
    Literal["markdown", "json", "csv"],
    Query(
        description=(
            "Markdown is to read (several conversations come as a ZIP archive), JSON has everything and "
            "can be imported, CSV is for tables."
        )
    ),
]

DOWNLOAD: dict[str, Any] = {
    "description": "The file.",
    "headers": {"Content-Disposition": {"description": "Its name (RFC 6266).", "schema": {"type": "string"}}},
    "content": {
        "text/markdown": {"schema": {"type": "string"}},
        "application/json": {"schema": {"type": "object"}},
        "text/csv": {"schema": {"type": "string"}},
        "application/zip": {"schema": {"type": "string", "contentMediaType": "application/zip"}},
    },
}


def download(exported: Exported) -> Response:
    """The answer that a browser saves."""
    headers = {"Content-Disposition": disposition(exported.filename)}
    return Response(exported.content, headers=headers, media_type=exported.media_type)


def disposition(filename: str) -> str:
    """The header for a file to be saved under this name (RFC 6266), which cannot leave its folder."""
    name = re.sub(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]+', "_", filename).strip(". ") or "conversations"
    plain = re.sub(r"[^\x20-\x7e]+", "_", name).replace("%", "_")
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
