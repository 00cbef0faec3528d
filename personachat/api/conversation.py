"""One conversation over HTTP: read, rename, pin, archive, delete, fork, share and export it.

Someone else's conversation gets the same answer as one that doesn't exist.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from personachat.api.openapi import answers
from personachat.api.schemas import (
    DOWNLOAD,
    ConversationId,
    Format,
    Id,
    ListedConversation,
    RequestModel,
    ResponseModel,
    WholeConversation,
    conversation_of,
    download,
    listed_of,
    services_of,
    workspace_of,
)
from personachat.conversations.model import siblings_of
from personachat.errors import ShareNotFound, TurnNotFound
from personachat.history.sharing import Share
from personachat.personas.chat_settings import ChatSettings
from personachat.services.workspace import Workspace
from personachat.variables import GivenValues

router = APIRouter(prefix="/conversations/{id}", tags=["conversations"])


class ConversationChange(RequestModel):
    """What to change. Fields that are null or missing stay as they are."""

    title: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    pinned: bool | None = None
    archived: bool | None = None
    variables: Annotated[
        GivenValues | None, Field(description="Used from the next reply on. Empty text restores the default.")
    ] = None
    settings: Annotated[
        ChatSettings | None,
        Field(
            description=(
                "Used from the next reply on, instead of the persona's. They replace all settings of the "
                "conversation; {} removes them."
            )
        ),
    ] = None


class ForkAt(RequestModel):
    """The last message to copy into the new conversation."""

    message_id: Id


class ShareLink(ResponseModel):
    """Anyone with the link can read the conversation as it was when it was last shared."""

    token: str
    url: str


@router.get(
    "",
    summary="Read a conversation",
    response_model=WholeConversation,
    responses=answers(404, 422, 503),
)
def get_conversation(
    conversation_id: ConversationId,
    request: Request,
    *,
    tree: Annotated[bool, Query(description="The messages of all branches, parents first.")] = False,
) -> WholeConversation:
    """With the messages of its active branch, oldest first. A live reply is included as it is now."""
    return _whole(workspace_of(request), conversation_id, tree=tree)


@router.patch(
    "",
    summary="Rename, pin or archive a conversation",
    response_model=ListedConversation,
    responses=answers(400, 404, 422, 503),
)
def update_conversation(
    conversation_id: ConversationId, body: ConversationChange, request: Request
) -> ListedConversation:
    """Doesn't change any message or the conversation's place in the list."""
    workspace = workspace_of(request)
    library = workspace.library
    if body.title is not None:
        library.rename(conversation_id, body.title)
    if body.pinned is not None:
        library.pin(conversation_id, body.pinned)
    if body.archived is not None:
        library.archive(conversation_id, body.archived)
    if body.variables:
        workspace.chat.give(conversation_id, body.variables)
    if body.settings is not None:
        workspace.chat.adjust(conversation_id, body.settings)
    return listed_of(library.summary(conversation_id))


@router.delete(
    "",
    summary="Delete a conversation",
    status_code=204,
    response_model=None,
    responses=answers(404, 422, 503),
)
def delete_conversation(conversation_id: ConversationId, request: Request) -> None:
    """It is hidden at once and can be restored for a while. A live reply in it is stopped."""
    workspace = workspace_of(request)
    running = workspace.chat.running(conversation_id)
    workspace.library.delete(conversation_id)
    if running is not None:
        running.stop()


@router.post(
    "/restore",
    summary="Restore a deleted conversation",
    response_model=ListedConversation,
    responses=answers(404, 422, 503),
)
def restore_conversation(conversation_id: ConversationId, request: Request) -> ListedConversation:
    """Undoes its deletion. A conversation that is not deleted stays as it is."""
    library = workspace_of(request).library
    library.restore(conversation_id)
    return listed_of(library.summary(conversation_id))


@router.post(
    "/fork",
    summary="Start a conversation with the messages of another",
    status_code=201,
    response_model=WholeConversation,
    responses=answers(400, 404, 422, 503),
)
def fork_conversation(conversation_id: ConversationId, body: ForkAt, request: Request) -> WholeConversation:
    """The new conversation gets copies of all messages up to this one, on whichever branch it is."""
    workspace = workspace_of(request)
    if all(turn.id != body.message_id for turn in workspace.branches.tree(conversation_id)):
        raise TurnNotFound("This conversation has no such message.")
    return _whole(workspace, workspace.branches.fork(body.message_id).id)


def _whole(workspace: Workspace, conversation_id: str, *, tree: bool = False) -> WholeConversation:
    """A conversation with the messages of its active branch, or of all."""
    if not tree:
        conversation = workspace.chat.conversation(conversation_id)
        return conversation_of(conversation, conversation.path, conversation.siblings)
    conversation = workspace.chat.conversation(conversation_id, last=1)
    turns = workspace.branches.tree(conversation_id)
    return conversation_of(conversation, turns, siblings_of(turns, turns))


@router.get(
    "/export",
    summary="Export one conversation",
    response_class=Response,
    responses=answers(404, 422, 503, s200=DOWNLOAD),
)
def export_conversation(
    conversation_id: ConversationId,
    request: Request,
    file_format: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """Markdown has the active branch. JSON has all branches."""
    return download(workspace_of(request).library.export([conversation_id], file_format))


@router.post(
    "/share",
    summary="Share a conversation",
    response_model=ShareLink,
    responses=answers(404, 422, 503),
)
def share_conversation(conversation_id: ConversationId, request: Request) -> ShareLink:
    """Creates a link that shows the active branch as it is now. Sharing again updates what the link shows."""
    return _link(request, workspace_of(request).library.share(conversation_id))


@router.get(
    "/share",
    summary="Whether a conversation is shared",
    response_model=ShareLink,
    responses=answers(404, 422, 503),
)
def get_conversation_share(conversation_id: ConversationId, request: Request) -> ShareLink:
    """Its link, or 404 if it has none."""
    share = workspace_of(request).library.share_of(conversation_id)
    if share is None:
        raise ShareNotFound("This conversation is not shared.", hint="POST to this address to share it.")
    return _link(request, share)


@router.delete(
    "/share",
    summary="Stop sharing a conversation",
    status_code=204,
    response_model=None,
    responses=answers(404, 422, 503),
)
def revoke_conversation_share(conversation_id: ConversationId, request: Request) -> None:
    """Its link stops working. A conversation that is not shared stays as it is."""
    workspace_of(request).library.revoke(conversation_id)


def _link(request: Request, share: Share) -> ShareLink:
    base_path = services_of(request).settings.base_path
    return ShareLink(token=share.token, url=f"{base_path}/shared?token={quote(share.token, safe='')}")
