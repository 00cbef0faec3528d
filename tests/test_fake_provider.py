from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.fake_provider import FakeProvider


@pytest.fixture
def left_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    left: list[object] = []
    gc.collect()  # what others left is theirs
    with monkeypatch.context() as patched:
        patched.setattr(sys, "unraisablehook", lambda hook: left.append(hook.object))
        yield left


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_fake_that_is_closed_while_clients_arrive_leaves_no_socket_open(left_open: list[object]) -> None:
    for _ in range(30):
        with ExitStack() as clients, FakeProvider() as fake:
            address = "127.0.0.1", int(fake.base_url.rsplit(":")[-1].removesuffix("/v1"))
            for _ in range(3):
                clients.enter_context(socket.create_connection(address, timeout=10))
        del fake
        gc.collect()
    assert left_open == []
