"""The MCP server: personas as prompts, and the tools `chat` and `list_personas`, over any transport.

Everything comes from the services, which are looked up for every request. Errors are our own sentences: a
tool error if a tool was called, otherwise a protocol error. Unexpected errors are logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from typing import Any

import anyio
from mcp import types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from personachat import __version__
from personachat.accounts.rights import SHARED
from personachat.api.auth import REQUEST, owner_of, person_of
from personachat.api.bounds import sentence
from personachat.api.mcp import prompts
from personachat.api.mcp.changes import Changes
from personachat.api.mcp.chats import Chats
from personachat.api.mcp.tools import (
    CHAT,
    LIST_PERSONAS,
    TOOLS,
    ListArguments,
    checked,
    named,
    refused,
    search_results,
)
from personachat.errors import PersonaChatError, unforeseen
from personachat.owners import LOCAL_OWNER
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.rules import not_found
from personachat.request_context import RequestContext, current_request, made_id
from personachat.services import Services
from personachat.services.workspace import Workspace

log = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]

INSTRUCTIONS = (
    "PersonaChat offers personas. Each persona is a prompt that you can use in this chat. You can "
    "also talk to a persona with the chat tool; its own model then answers."
)

_UNFORESEEN = unforeseen()
_OUR_FAULTS = frozenset({"store_unavailable", "database_unavailable", "database_damaged", "internal_error"})


class PersonaServer(Server[None]):
    """The protocol's server, and what it needs to run."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self.changes = Changes(services)
        self.chats = Chats()
        self._listening = ListenHandler(self.changes)
        super().__init__(
            "personachat",
            version=__version__,
            title="PersonaChat",
            instructions=INSTRUCTIONS,
            lifespan=_running,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_list_tools=_list_tools,
            on_call_tool=self._call_tool,
            on_subscriptions_listen=self._listen,
        )
        self.middleware.append(_in_our_sentences)
        self.add_notification_handler(
            "notifications/initialized", types.NotificationParams, self._initialized
        )

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """The SDK's options, plus that prompts change: its HTTP transport can't be told that."""
        options = notification_options or NotificationOptions(prompts_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)

    def end(self) -> None:
        """End every chat and every subscription properly."""
        self.chats.end()
        self._listening.close()

    async def _list_prompts(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        personas = await anyio.to_thread.run_sync(lambda: _with_prompts(self._workspace(ctx)))
        return prompts.prompt_page(personas, params.cursor if params else None)

    async def _get_prompt(self, ctx: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        entry = await anyio.to_thread.run_sync(lambda: _to_read(self._workspace(ctx), params.name))
        return prompts.got(entry.persona, today=date.today())  # noqa: DTZ011  # the server's own day

    async def _call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in {CHAT, LIST_PERSONAS}:
            raise MCPError(
                types.INVALID_PARAMS, (f"This tool doesn't exist. Available tools: {CHAT}, {LIST_PERSONAS}.")
            )
        try:
            if params.name == CHAT:
                wants_progress = ctx.meta is not None and "progress_token" in ctx.meta
                progress = ctx.session.report_progress if wants_progress else None
                return await self.chats.answer(
                    params.arguments,
                    workspace=lambda: self._workspace(ctx),
                    progress=progress,
                    has_left=_has_left(ctx),
                )
            search = checked(ListArguments, params.arguments).search
            personas, labels = await anyio.to_thread.run_sync(
                lambda: _readable_personas(self._workspace(ctx))
            )
            return search_results(personas, search, labels=labels)
        except PersonaChatError as error:
            return refused(str(error), error.hint)

    async def _listen(
        self, ctx: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        await self.changes.look()
        return await self._listening(ctx, params)

    async def _initialized(self, ctx: Context, _: types.NotificationParams | None) -> None:
        # The SDK offers no other way to reach a client later than its connection, which is private.
        await self.changes.add(ctx.session._connection)  # noqa: SLF001  # the SDK has no public way

    def _workspace(self, ctx: Context) -> Workspace:
        """The caller's workspace; over stdio that of whoever started the server. Call it in a thread."""
        if ctx.request is None:
            return self._services().of(LOCAL_OWNER, surface="mcp")
        return self._services().of(owner_of(ctx.request), person=person_of(ctx.request), surface="mcp")


def _readable_personas(workspace: Workspace) -> tuple[list[StoredPersona], Mapping[str, Sequence[str]]]:
    """The readable personas, and the labels of those that have some."""
    labels: Mapping[str, Sequence[str]] = {}
    with suppress(PersonaChatError):  # a list without labels is better than none
        labels = workspace.labels.all()
    return [persona for persona in workspace.personas.all() if isinstance(persona, StoredPersona)], labels


def _with_prompts(workspace: Workspace) -> list[StoredPersona]:
    """The personas whose prompt the caller may see: an MCP prompt contains nothing else."""
    accesses, judge = workspace.rights.all(), workspace.rights.judge
    personas, _ = _readable_personas(workspace)
    return [persona for persona in personas if judge("prompt", accesses.get(persona.id, SHARED))]


def _to_read(workspace: Workspace, name: str) -> StoredPersona:
    """Raises PersonaNotFound, also for a persona whose prompt is hidden."""
    persona = workspace.addressed.get(name)
    if not workspace.rights.may("prompt", persona.id):
        raise not_found(name)
    return persona


async def _list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    return types.ListToolsResult(tools=list(TOOLS))


async def _in_our_sentences(ctx: Context, call_next: CallNext) -> HandlerResult:
    # A session runs in a task of its own, which would keep the context of its first request.
    context = ctx.request.scope.get(REQUEST) if ctx.request else None
    request = context or RequestContext(made_id())
    current_request.set(request)
    try:
        return await call_next(ctx)
    except MCPError as error:
        if isinstance(error.data, str):  # the SDK repeats the arguments
            error.error.data = sentence(error.data)
        raise
    except ValidationError:
        raise
    except PersonaChatError as error:
        code = types.INTERNAL_ERROR if error.code in _OUR_FAULTS else types.INVALID_PARAMS
        raise MCPError(code, sentence(f"{error} {error.hint}".strip())) from error
    except Exception as error:
        log.exception("A request failed unexpectedly")
        message = f"{_UNFORESEEN} {_UNFORESEEN.hint} {named(request.id)}"
        raise MCPError(types.INTERNAL_ERROR, message) from error


def _has_left(ctx: Context) -> Callable[[], Awaitable[bool]] | None:
    """Whether the caller has disconnected; None if one connection carries everything, as over stdio."""
    return None if ctx.request is None else ctx.request.is_disconnected


@asynccontextmanager
async def _running(server: Server[None]) -> AsyncGenerator[None]:
    assert isinstance(server, PersonaServer)
    watching = asyncio.create_task(server.changes.watch())
    try:
        yield
    finally:
        server.end()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
