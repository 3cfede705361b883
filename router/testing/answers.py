"""What vLLM's OpenAI-compatible server answers, in short: the JSON and the SSE of each API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from router.request import Api

Json = dict[str, Any]

_USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def answer(api: Api, model: str, text: str) -> Json:
    """A complete answer of `model` that says `text`."""
    return _ANSWERS[api](model, text)


def _chat(model: str, text: str) -> Json:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _completion("chatcmpl-fake", "chat.completion", model, choice)


def _text(model: str, text: str) -> Json:
    choice = {"index": 0, "text": text, "finish_reason": "stop"}
    return _completion("cmpl-fake", "text_completion", model, choice)


def _completion(identity: str, kind: str, model: str, choice: Json) -> Json:
    return {
        "id": identity,
        "object": kind,
        "created": 1_700_000_000,
        "model": model,
        "choices": [choice],
        "usage": _USAGE,
    }


def _response(model: str, text: str) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": "resp-fake",
        "object": "response",
        "status": "completed",
        "model": model,
        "output": [message],
    }


def _message(model: str, text: str) -> Json:
    return {
        "id": "msg-fake",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 9, "output_tokens": 3},
    }


_ANSWERS = {
    Api.CHAT_COMPLETIONS: _chat,
    Api.COMPLETIONS: _text,
    Api.RESPONSES: _response,
    Api.MESSAGES: _message,
}


def sse_events(api: Api, model: str, words: Sequence[str]) -> list[bytes]:
    """The same answer as server-sent events, a word each."""
    return _EVENTS[api](model, words)


def _chat_events(model: str, words: Sequence[str]) -> list[bytes]:
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in words]
    chunks: list[Json] = [{"index": 0, "delta": d, "finish_reason": None} for d in deltas]
    chunks.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    return _chunks("chatcmpl-fake", "chat.completion.chunk", model, chunks)


def _text_events(model: str, words: Sequence[str]) -> list[bytes]:
    chunks: list[Json] = [{"index": 0, "text": w, "finish_reason": None} for w in words]
    return _chunks("cmpl-fake", "text_completion", model, chunks)


def _chunks(identity: str, kind: str, model: str, choices: list[Json]) -> list[bytes]:
    chunks = [_completion(identity, kind, model, choice) for choice in choices]
    for chunk in chunks:
        del chunk["usage"]
    return [*(_data(chunk) for chunk in chunks), b"data: [DONE]\n\n"]


def _response_events(model: str, words: Sequence[str]) -> list[bytes]:
    done = _response(model, "".join(words))
    events: list[Json] = [
        {"type": "response.created", "response": {**done, "status": "in_progress"}}
    ]
    events += [{"type": "response.output_text.delta", "delta": word} for word in words]
    return [_named(e) for e in [*events, {"type": "response.completed", "response": done}]]


def _message_events(model: str, words: Sequence[str]) -> list[bytes]:
    start: Json = {**_message(model, ""), "content": [], "stop_reason": None}
    events: list[Json] = [{"type": "message_start", "message": start}]
    for word in words:
        delta = {"type": "text_delta", "text": word}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    events.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    return [_named(event) for event in [*events, {"type": "message_stop"}]]


def _named(event: Json) -> bytes:
    return f"event: {event['type']}\n".encode() + _data(event)


def _data(event: Json) -> bytes:
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


_EVENTS = {
    Api.CHAT_COMPLETIONS: _chat_events,
    Api.COMPLETIONS: _text_events,
    Api.RESPONSES: _response_events,
    Api.MESSAGES: _message_events,
}


def unknown_model(model: object) -> Json:
    """vLLM's 404 for a model that it has not loaded."""
    return _error(f"The model `{model}` does not exist.", "NotFoundError", "model", 404)


def bad_request(message: str) -> Json:
    """vLLM's 400."""
    return _error(message, "BadRequestError", None, 400)


def _error(message: str, kind: str, param: str | None, code: int) -> Json:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def model_list(base: str, adapters: Sequence[str]) -> Json:
    """`GET /v1/models`: the base model first, then its adapters with their parent."""
    cards = [_card(base, None), *(_card(adapter, base) for adapter in adapters)]
    return {"object": "list", "data": cards}


def _card(model: str, parent: str | None) -> Json:
    return {
        "id": model,
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "vllm",
        "root": model,
        "parent": parent,
    }
