"""A token that was made here opens MCP, and reaches no other personas there than anywhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from tests.api.mcp.conftest import ERAS, connected, serving, texts
from tests.conftest import persona_text

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ERAS)
async def test_personas_out_of_its_reach_do_not_exist(services: Services, mode: str) -> None:
    services.personas.save(persona_text("hidden"))
    made = services.administrator(LOCAL_OWNER).create_token(
        name="Assistant", owner="user:ada", role="reader", personas=frozenset({"tester"})
    )
    headers = {"Authorization": f"Bearer {made.secret}"}
    with serving(services) as served:
        async with connected(served.url, mode, headers=headers) as client:
            listed = " ".join(texts(await client.call_tool("list_personas", {})))
            assert "tester" in listed
            assert "hidden" not in listed
            prompts = await client.list_prompts()
            assert "hidden" not in {prompt.name for prompt in prompts.prompts}
            for name in ("hidden", "no-such-one"):
                refused = await client.call_tool("chat", {"persona": name, "message": "Hi"})
                assert refused.is_error
                assert f'There is no persona "{name}".' in " ".join(texts(refused))
    assert services.of("user:ada").library.count() == 0


async def test_a_budget_that_is_used_up_is_said_in_its_sentence(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(budgets='[{"scope": "all", "per": "day", "replies": 0}]')
    with serving(services) as served:
        async with connected(served.url) as client:
            refused = await client.call_tool("chat", {"persona": "tester", "message": "Hi"})
    assert refused.is_error
    assert "Today's budget of 0 replies for everyone together is used up. It resets on" in texts(refused)[0]
