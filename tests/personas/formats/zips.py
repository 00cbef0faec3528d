"""Zips made by hand, so that each can lie in one way."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

SYMLINK = 0o120777 << 16
FIFO = 0o010644 << 16


@dataclass(frozen=True)
class Part:
    """One entry. `local` and `central` override what its two records say; `packed` what is stored."""

    name: str | bytes
    content: bytes = b"{}"
    method: int = 8
    packed: bytes | None = None
    flags: int = 0
    attributes: int = 0o100644 << 16
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    after: bytes = b""


def deflated(content: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(content) + stream.flush()


def zip_of(*parts: Part, before: bytes = b"", after: bytes = b"", comment: bytes = b"", **end: Any) -> bytes:
    """The archive; `end` overrides what its closing record says."""
    body, table = before, b""
    for part in parts:
        name = part.name.encode() if isinstance(part.name, str) else part.name
        packed = part.packed
        if packed is None:
            packed = deflated(part.content) if part.method == 8 else part.content
        said = {
            "flags": part.flags | (0 if name.isascii() else 1 << 11),
            "method": part.method,
            "checksum": zlib.crc32(part.content),
            "packed_size": len(packed),
            "size": len(part.content),
            "name": name,
            "offset": len(body),
            "disk": 0,
            "extra": b"",
        }
        body += _local(said | part.local) + packed + part.after
        table += _central(said | part.central, part.attributes)
    closing = {
        "disk": 0,
        "here": len(parts),
        "count": len(parts),
        "size": len(table),
        "start": len(body),
        "comment": len(comment),
    } | end
    return body + table + _end(closing) + comment + after


def _local(said: dict[str, Any]) -> bytes:
    record = struct.pack(
        "<4sHHHHHIIIHH",
        b"PK\x03\x04",
        20,
        said["flags"],
        said["method"],
        0,
        33,
        said["checksum"],
        said["packed_size"],
        said["size"],
        len(said["name"]),
        0,
    )
    return record + bytes(said["name"])


def _central(said: dict[str, Any], attributes: int) -> bytes:
    record = struct.pack(
        "<4sHHHHHHIIIHHHHHII",
        b"PK\x01\x02",
        3 << 8 | 20,
        20,
        said["flags"],
        said["method"],
        0,
        33,
        said["checksum"],
        said["packed_size"],
        said["size"],
        len(said["name"]),
        len(said["extra"]),
        0,
        said["disk"],
        0,
        attributes,
        said["offset"],
    )
    return record + bytes(said["name"]) + bytes(said["extra"])


def _end(said: dict[str, Any]) -> bytes:
    return struct.pack(
        "<4sHHHHIIH",
        b"PK\x05\x06",
        said["disk"],
        said["disk"],
        said["here"],
        said["count"],
        said["size"],
        said["start"],
        said["comment"],
    )
