"""Files in a request's body or in the parts of a form, without keeping them in memory.

Anything longer than a few megabytes is in a temporary file until the request ends, and is mapped into memory
when read. The gate has already limited the length of the body.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

from starlette.datastructures import UploadFile
from starlette.requests import Request

from personachat.api.errors import Refused

MOST_HELD_BYTES = 4 * 1024 * 1024
MOST_FILES = 200
MOST_NAME_CHARACTERS = 255

Content: TypeAlias = bytes | mmap.mmap


@dataclass(frozen=True, slots=True)
class Upload:
    """One file, valid until its request ends. `name` is the sender's name for it, or ""."""

    name: str
    file: IO[bytes]

    @contextmanager
    def content(self) -> Iterator[Content]:
        """All of its bytes, mapped into memory if there are many."""
        length = self.file.seek(0, 2)
        self.file.seek(0)
        if length <= MOST_HELD_BYTES:
            yield self.file.read()
            return
        with mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


@asynccontextmanager
async def uploads(request: Request, *, name: str = "") -> AsyncIterator[list[Upload]]:
    """The files of a request. A body that isn't a form is one file, called `name`. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
            files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            if not files:
                raise Refused(
                    422,
                    "request_invalid",
                    "The form contains no file.",
                    hint='Send it as "file": curl -F file=@…',
                )
            yield [Upload(_name(each, name), _rewound(each.file)) for each in files]
        return
    with tempfile.SpooledTemporaryFile(max_size=MOST_HELD_BYTES) as body:
        async for part in request.stream():
            body.write(part)
        yield [Upload(name, _rewound(body))]


def _name(upload: UploadFile, name: str) -> str:
    return name or (upload.filename or "")[:MOST_NAME_CHARACTERS]


def _rewound(file: Any) -> IO[bytes]:
    file.seek(0)
    binary_file: IO[bytes] = file
    return binary_file
