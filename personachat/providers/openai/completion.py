"""A chat completion, chunk by chunk: deltas, usage, and why it ended.

No shape is trusted: whatever is malformed is skipped or becomes an error of its own.

Outgoing text and reasoning: everything of one kind that came in one read is one delta. Some servers cut a
character above U+FFFF into two JSON chunks with half a surrogate pair each. The halves are joined here, even
across two reads. A lone half becomes U+FFFD, because it can't be stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from personachat.errors import ProviderError, ReplyEmpty, ReplyTruncated
from personachat.messages import FinishReason, ReasoningDelta, TextDelta, ToolCallsDelta, Usage
from personachat.providers.openai.errors import broken_stream, from_stream
from personachat.providers.openai.key_mask import KeyMask, telling_keys
from personachat.providers.openai.reports import Report, read_report, usage_of
from personachat.providers.openai.server import Server
from personachat.providers.openai.thinking import ThinkingEvent, Thoughts
from personachat.providers.openai.tool_calls import ToolCallAssembler

Kind = type[TextDelta] | type[ReasoningDelta]


class DeltaRuns:
    """Collects pieces with add() and returns them with take(), in order."""

    def __init__(self) -> None:
        self.has_surrogates = False
        """Set it once a piece may contain a surrogate: only then is there anything to join."""
        self._runs: list[tuple[Kind, list[str]]] = []
        self._half: tuple[Kind, str] | None = None

    def __bool__(self) -> bool:
        return bool(self._runs)

    def add(self, kind: Kind, text: str) -> None:
        """Add a piece, which isn't empty."""
        if self._runs and self._runs[-1][0] is kind:
            self._runs[-1][1].append(text)
        else:
            self._runs.append((kind, [text]))

    def take(self, *, final: bool) -> list[TextDelta | ReasoningDelta]:
        """Return what has come, except for a first half, which waits for the next read unless `final`."""
        if self.has_surrogates:
            return self._joined(final=final)
        runs, self._runs = self._runs, []
        return [kind("".join(pieces)) for kind, pieces in runs]

    def _joined(self, *, final: bool) -> list[TextDelta | ReasoningDelta]:
        if not self._runs and not final:
            return []
        runs, self._runs = self._runs, []
        half, self._half = self._half, None
        if half and runs and runs[0][0] is half[0]:
            runs[0][1].insert(0, half[1])
        elif half:
            runs.insert(0, (half[0], [half[1]]))
        texts = [(kind, "".join(pieces)) for kind, pieces in runs]
        if texts and not final and "\ud800" <= texts[-1][1][-1] <= "\udbff":
            kind, text = texts.pop()
            self._half = kind, text[-1]
            texts.append((kind, text[:-1]))
        return [
            kind(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
            for kind, text in texts
            if text
        ]


_WORDINGS: dict[FinishReason, frozenset[str]] = {
    "length": frozenset(
        {
            "length",
            "max_length",
            "max_new_tokens",
            "max_output_tokens",
            "max_tokens",
            "model_context_window_exceeded",
            "model_length",
            "token_limit",
        }
    ),
    "content_filter": frozenset(
        {
            "blocklist",
            "content_filter",
            "content_filtered",
            "guardrail_intervened",
            "prohibited_content",
            "recitation",
            "safety",
            "sensitive",
            "spii",
        }
    ),
    "refusal": frozenset({"refusal"}),
    "stop": frozenset(
        {
            "complete",
            "completed",
            "done",
            "end",
            "end_turn",
            "eos",
            "eos_token",
            "finish_reason_stop",
            "finish_reason_unspecified",
            "finished",
            "function_call",
            "stop",
            "stop_sequence",
            "stop_token",
            "stop_words",
            "tool_call",
            "tool_calls",
            "tool_use",
        }
    ),
}
_FINISH_REASONS = {wording: reason for reason, wordings in _WORDINGS.items() for wording in wordings}
"""Finish reasons of servers, in lower case."""

_NOT_YET = frozenset({"none", "null"})

_BROKEN_OFF = frozenset(
    {
        "abort",
        "aborted",
        "canceled",
        "cancelled",
        "error",
        "failed",
        "insufficient_system_resource",
        "malformed_function_call",
        "network_error",
        "server_error",
        "time_limit",
        "timeout",
    }
)
"""Finish reasons that mean the server failed to complete the reply."""

LONGEST_REASON = 40
"""Characters quoted of an unknown finish reason."""


class Completion:
    """One reply of `model` from `server`: take() each chunk, then deltas() for what they brought.

    Tool calls are only returned if the request offered `tools`.
    """

    def __init__(self, server: Server, model: str, *, tools: bool, thinks_first: bool = False) -> None:
        self.finish_reason: FinishReason | None = None
        self.usage: Usage | None = None
        self.runs = DeltaRuns()
        self._server = server
        self._model = model
        self._offers_tools = tools
        self._thoughts = Thoughts(assumed=thinks_first)
        self._has_text = False
        self._has_reasoning = False
        keys = telling_keys(server.secret)
        self._key_mask = KeyMask(keys) if keys else None
        self._calls = ToolCallAssembler(keys=keys)
        self._called_tools = False
        self._declined = False
        self._broken_off: ProviderError | None = None
        self.refusal: Report | None = None
        """The error that the server reported before anything else had come."""
        self.unknown_reason = ""
        """The server's finish reason if it is unknown here."""

    @property
    def end_reason(self) -> FinishReason:
        """Why it ended, once it has."""
        if self._declined:
            return "refusal"
        if self._calls and self.finish_reason in {None, "stop"}:
            return "tool_calls"
        return self.finish_reason or "stop"

    def take(self, value: Any) -> None:
        """Read one chunk. Raises the ProviderError that it reports, or BrokenStream if it isn't an object."""
        if type(value) is not dict:
            raise broken_stream(self._server, "an event that is not an object")
        choices = value.get("choices")
        if choices and type(choices) is list:
            for place, choice in enumerate(choices):
                if _is_the_reply(choice, place):
                    self._take_choice(choice)
        usage = value.get("usage")
        if usage or "x_groq" in value:
            self._take_usage(usage or value["x_groq"])
        if value.get("error") or value.get("type") == "error" or value.get("object") == "error":
            raise self.reported(value)
        if self._broken_off is not None:
            raise self._broken_off

    def deltas(self, *, final: bool = False, done: bool = False) -> Iterator[ThinkingEvent | ToolCallsDelta]:
        """What has come since the last call. `final` at the end; `done` if the server announced the end."""
        runs = self.runs.take(final=final)
        if self._key_mask and (runs or final):
            runs = self._key_mask.masked(runs, final=final)
        for delta in runs:
            if type(delta) is not TextDelta or (self._has_text and self._thoughts.passes(delta.content)):
                yield delta
            else:
                yield from self._noting_kinds(self._thoughts.feed(delta.content))
        if final:
            cut_off = self.finish_reason in {"length", "content_filter"} or not (self.finish_reason or done)
            yield from self._noting_kinds(self._thoughts.end(cut_off=cut_off))
        if self._called_tools and (calls := self._calls.take(final=final)):
            yield ToolCallsDelta(calls)

    def _noting_kinds(self, events: list[ThinkingEvent]) -> Iterator[ThinkingEvent]:
        for each in events:
            if type(each) is TextDelta:
                self._has_text = self._has_text or not each.content.isspace()
            else:
                self._has_reasoning = True
                self._has_text = self._has_text and type(each) is ReasoningDelta
            yield each

    @property
    def closed_alone(self) -> bool | None:
        """Whether the model closed thoughts that it hadn't opened; None if that isn't clear."""
        return self._thoughts.closed_alone

    def reported(self, value: Any) -> ProviderError:
        """The error that the server put into the stream."""
        report = read_report(value)
        if not (self._has_text or self._has_reasoning or self._called_tools or self.runs):
            self.refusal = report
        return from_stream(self._server, report, model=self._model)

    def missing(self, *, done: bool) -> ProviderError | None:
        """What the reply lacks at its end; `done` if the server announced the end."""
        if self._has_text or self._calls or self.finish_reason in {"length", "content_filter", "refusal"}:
            if done or self.finish_reason:
                return None
            return ReplyTruncated(
                f"{self._server.title} stopped in the middle of the reply.",
                hint="Continue the reply, or try again.",
            )
        if not done and not self.finish_reason:
            return ReplyTruncated(
                f"{self._server.title} stopped before the reply started.", hint="Try again."
            )
        if self._has_reasoning:
            return ReplyEmpty(
                f"{self._model} finished thinking but wrote no answer.",
                hint="Try again with a higher maxTokens.",
            )
        if self._called_tools:
            return ReplyEmpty(f"{self._model} tried to call a tool instead of answering.", hint="Try again.")
        return ReplyEmpty(
            f"{self._model} returned an empty reply.", hint="Try again, or choose another model."
        )

    def _take_choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta") or choice.get("message") or choice
        if type(delta) is dict:
            reasoning = delta.get("reasoning_content") or delta.get("reasoning")
            if reasoning and (text := _text_of(reasoning)):
                self._take_reasoning(text)
            content = delta.get("content")
            if content is None and delta is choice:
                content = delta.get("text")
            if type(content) is str:
                if content:
                    self.runs.add(TextDelta, content)
            elif content is not None:
                self._take_parts(content)
            if refusal := delta.get("refusal"):
                self._take_refusal(refusal)
            if delta.get("tool_calls") or delta.get("function_call"):
                self._take_calls(delta, whole="message" in choice and not choice.get("delta"))
        if reason := choice.get("finish_reason"):
            self._finish(str(reason).lower(), choice)

    def _take_reasoning(self, text: str) -> None:
        if not self._has_reasoning and not self._has_text and self._thoughts.is_untouched:
            self._thoughts = Thoughts()  # this server separates thoughts itself
        self.runs.add(ReasoningDelta, text)
        self._has_reasoning = True

    def _take_parts(self, content: Any) -> None:
        """Content that isn't a string: parts, some of which may be thoughts."""
        for part in content if type(content) is list else [content]:
            kind = part.get("type") if type(part) is dict else None
            if kind in {"thinking", "reasoning"}:
                if text := _text_of(part.get("thinking") or part.get("reasoning") or part):
                    self._take_reasoning(text)
            elif text := _text_of(part):
                self.runs.add(TextDelta, text)

    def _take_refusal(self, refusal: Any) -> None:
        if text := _text_of(refusal):
            self.runs.add(TextDelta, text)
            self._declined = True

    def _take_calls(self, delta: dict[str, Any], *, whole: bool) -> None:
        self._called_tools = True
        if not self._offers_tools:
            return
        calls, only = delta.get("tool_calls"), delta.get("function_call")
        if type(calls) is dict:
            calls = [calls]
        if type(calls) is list:
            self._calls.add(calls, whole=whole)
        elif type(only) is dict:  # the older form, with only one call
            self._calls.add([{"function": only}])

    def _finish(self, reason: str, choice: dict[str, Any]) -> None:
        if reason in _NOT_YET:
            return
        if reason in _BROKEN_OFF:
            self._broken_off = self.reported(choice)
            return
        if reason not in _FINISH_REASONS:
            self.unknown_reason = self._server.quote(reason)[:LONGEST_REASON]
        self.finish_reason = _FINISH_REASONS.get(reason, "stop")

    def _take_usage(self, usage: Any) -> None:
        if type(usage) is dict and type(usage.get("usage")) is dict:
            usage = usage["usage"]
        if type(usage) is dict:
            reported = usage_of(usage)
            self.usage = self.usage if reported == Usage() else reported


def _is_the_reply(choice: Any, place: int) -> bool:
    """Whether a choice is the one with index 0, by its index or else by its place.

    A server may send further ones that nobody requested.
    """
    if type(choice) is not dict:
        return False
    index = choice.get("index")
    if type(index) is str and index.isdecimal():
        index = int(index)
    return bool((index if type(index) in {int, float} else place) == 0)


def _text_of(value: Any) -> str:
    """The text in content that isn't a string: parts, an object with a text, a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_text_of, value))
    if isinstance(value, dict):
        return _text_of(value.get("text") or value.get("content") or value.get("summary") or "")
    if isinstance(value, bool) or value is None:
        return ""
    return str(value)
