"""Assistants and presets of chat programs: NextChat, Jan, LM Studio, OpenAI, and chat requests as such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from personachat.personas import limits
from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.sketches import Sketch, content_text, mapping, objects, texts, turns

_REQUEST_KEYS = frozenset({"temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "stream"})


# --- NextChat: masks, alone, in a list, or as the store keeps them -------------------------------------


def _masks(value: Any) -> Sequence[dict[str, Any]]:
    if isinstance(value, list):
        return [each for each in objects(value) if _is_mask(each)]
    value = mapping(value)
    if _is_mask(value):
        return [value]
    masks = mapping(value.get("state")).get("masks") or mapping(value.get("mask-store")).get("masks")
    masks = masks or value.get("masks")
    mask_list = list(masks.values()) if isinstance(masks, dict) else masks
    return [each for each in objects(mask_list) if _is_mask(each)]


def _is_mask(value: dict[str, Any]) -> bool:
    return isinstance(value.get("context"), list) and isinstance(value.get("modelConfig"), dict)


def _read_masks(value: Any) -> Iterator[Sketch]:
    for mask in _masks(value):
        config = mapping(mask["modelConfig"])
        system, pairs, greeting = turns(mask["context"])
        losses = []
        if not system:
            first = next((each for each in objects(mask["context"]) if each.get("role") == "user"), {})
            system = content_text(first.get("content"))
            pairs = [pair for pair in pairs if pair[0] != system]
            losses = ["The mask has no system message, so its first message is the prompt."]
        sketch = Sketch(
            name=mask.get("name"),
            prompt=system,
            model=config.get("model"),
            temperature=config.get("temperature"),
            top_p=config.get("top_p") if config.get("top_p") != 1 else None,
            max_tokens=config.get("max_tokens"),
            greeting=greeting,
            examples=pairs,
            avatar=_emoji(mask.get("avatar")),
            losses=losses,
            marks=(mask["id"],) if isinstance(mask.get("id"), str) else (),
        )
        read = {"id", "name", "avatar", "context", "modelConfig", "lang", "builtin", "createdAt"}
        sketch.leave_out(mask, read | {"syncGlobalConfig", "hideContext"})
        yield sketch


def _emoji(avatar: Any) -> str:
    """Written as code points, as in 1f468-200d-1f373; "gpt-bot" is the program's own picture."""
    try:
        return "".join(chr(int(part, 16)) for part in str(avatar or "").split("-"))
    except (ValueError, OverflowError):
        return ""


# --- Jan and OpenAI: an object "assistant" ---------------------------------------------------------------


def _is_assistant(value: Any) -> bool:
    value = mapping(value)
    if "instructions" not in value:
        return False
    return value.get("object") == "assistant" or (
        "name" in value and bool({"tools", "tool_resources", "file_ids", "response_format"} & value.keys())
    )


def _is_jan(value: Any) -> bool:
    return _is_assistant(value) and bool({"thread_location", "parameters", "avatar"} & mapping(value).keys())


def _is_jan_list(value: Any) -> bool:
    assistants = objects(mapping(value).get("assistants"))
    return bool(assistants) and all("instructions" in each for each in assistants)


def _read_assistants(value: Any) -> Iterator[Sketch]:
    value = mapping(value)
    data = objects(value.get("assistants")) or objects(value.get("data")) or [value]
    for assistant in data:
        parameters = mapping(assistant.get("parameters"))
        model = assistant.get("model")
        sketch = Sketch(
            name=assistant.get("name") or assistant.get("id"),
            prompt=assistant.get("instructions"),
            description=assistant.get("description"),
            model=None if model == "*" else model,
            temperature=_first(assistant.get("temperature"), parameters.get("temperature")),
            top_p=_first(assistant.get("top_p"), parameters.get("top_p")),
            max_tokens=parameters.get("max_tokens"),
            stop=parameters.get("stop") or (),
            avatar=assistant.get("avatar"),
            marks=(assistant["id"],) if assistant.get("id") else (),
        )
        read = {"id", "object", "name", "instructions", "description", "model", "temperature", "top_p"}
        read |= {"avatar", "parameters", "created_at", "thread_location", "version"}
        sketch.leave_out(assistant, read)
        parameter_keys = {"temperature", "top_p", "max_tokens", "stop"}
        sketch.leave_out(parameters, parameter_keys, where=" of the settings")
        yield sketch


def _is_assistant_list(value: Any) -> bool:
    value = mapping(value)
    assistants = objects(value.get("data"))
    return value.get("object") == "list" and bool(assistants) and all(map(_is_assistant, assistants))


# --- LM Studio: presets of 0.3 and of 0.2 ----------------------------------------------------------------


def _is_lm_studio(value: Any) -> bool:
    value = mapping(value)
    fields = objects(mapping(value.get("operation")).get("fields"))
    if any(str(each.get("key", "")).startswith("llm.") for each in fields):
        return True
    return "pre_prompt" in mapping(value.get("inference_params"))


def _read_lm_studio(value: Any) -> Iterator[Sketch]:
    fields = {
        str(each.get("key")): _checked(each.get("value"))
        for each in objects(mapping(value.get("operation")).get("fields"))
    }
    old = mapping(value.get("inference_params"))
    at = "llm.prediction."
    sketch = Sketch(
        name=value.get("name") or value.get("identifier"),
        prompt=fields.get(f"{at}systemPrompt") or old.get("pre_prompt"),
        temperature=_first(fields.get(f"{at}temperature"), old.get("temp")),
        top_p=_first(fields.get(f"{at}topPSampling"), old.get("top_p")),
        max_tokens=_first(fields.get(f"{at}maxPredictedTokens"), old.get("n_predict")),
        stop=fields.get(f"{at}stopStrings") or old.get("antiprompt") or (),
        marks=(value["identifier"],) if value.get("identifier") else (),
    )
    keys = {"systemPrompt", "temperature", "topPSampling", "maxPredictedTokens", "stopStrings"}
    sketch.leave_out(fields, {at + key for key in keys}, where=" of the settings")
    keys = {"pre_prompt", "temp", "top_p", "n_predict", "antiprompt", "input_prefix", "input_suffix"}
    sketch.leave_out(old, keys | {"pre_prompt_prefix", "pre_prompt_suffix"}, where=" of the settings")
    yield sketch


def _checked(value: Any) -> Any:
    """A setting that can be switched off is an object; switched off, it says nothing."""
    if isinstance(value, dict) and "checked" in value:
        return value.get("value") if value["checked"] else None
    return value


# --- a chat request ---------------------------------------------------------------------------------------


def _is_request(value: Any) -> bool:
    messages = value if isinstance(value, list) else mapping(value).get("messages")
    parts = objects(messages)
    return bool(parts) and all("role" in each and "content" in each for each in parts)


def _read_request(value: Any) -> Iterator[Sketch]:
    request = {"messages": value} if isinstance(value, list) else value
    system, pairs, greeting = turns(request["messages"])
    system = system or content_text(request.get("system"))
    sketch = Sketch(
        name=request.get("name"),
        prompt=system,
        model=request.get("model"),
        temperature=request.get("temperature"),
        top_p=request.get("top_p"),
        max_tokens=_first(request.get("max_tokens"), request.get("max_completion_tokens")),
        stop=request.get("stop") or (),
        greeting=greeting,
        examples=pairs,
        starters=[text for text in _last_question(request["messages"]) if len(text) <= limits.STARTER],
        marks=(system,),
    )
    sketch.leave_out(request, _REQUEST_KEYS | {"messages", "model", "name", "id", "system"})
    yield sketch


def _last_question(messages: Any) -> list[str]:
    last = objects(messages)[-1]
    return texts(content_text(last.get("content"))) if last.get("role") == "user" else []


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


NEXTCHAT = Reader("nextchat", "a NextChat mask", lambda value: bool(_masks(value)), _read_masks)
JAN = Reader("jan", "a Jan assistant", lambda value: _is_jan(value) or _is_jan_list(value), _read_assistants)
OPENAI = Reader(
    "openai-assistant",
    "an OpenAI assistant",
    lambda value: _is_assistant(value) or _is_assistant_list(value),
    _read_assistants,
)
LM_STUDIO = Reader("lm-studio", "an LM Studio preset", _is_lm_studio, _read_lm_studio)
CHAT_REQUEST = Reader("chat-request", "a list of chat messages", _is_request, _read_request)
