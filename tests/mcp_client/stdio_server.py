"""An MCP server on standard input and output, without the SDK: it misbehaves as it is asked to.

Run as a script. Options change it as a whole, the `text` of a call that one answer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

OPTIONS = frozenset(sys.argv[1:])
TOOLS = [
    {"name": "list_categories", "inputSchema": {"type": "object"}},
    {"name": "classify_text", "inputSchema": {"type": "object"}},
]


def send(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def reply(number: int, result: dict[str, object]) -> None:
    # What the newest protocol wants of every result, and the older ones pass over.
    newest = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    send(json.dumps({"jsonrpc": "2.0", "id": number, "result": {**newest, **result}}))


def refuse(number: int, code: int, message: str) -> None:
    error = {"code": code, "message": message}
    send(json.dumps({"jsonrpc": "2.0", "id": number, "error": error}))


def say(number: int, text: str) -> None:
    reply(number, {"content": [{"type": "text", "text": text}]})


def answer(number: int, **fields: object) -> None:
    say(number, json.dumps({"category": "law", "confidence": 0.9, **fields}))


def fill_stderr(number: int) -> None:
    for _ in range(300):
        sys.stderr.write("x" * 1000 + "\n")
    answer(number)


def flood(number: int) -> None:
    for _ in range(1000):
        send('{"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x"}}')
    answer(number)


def freeze(_: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pause()


def have_a_child(number: int) -> None:
    child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
    answer(number, child=child.pid)


SECRET = "the prompt's own words"
DEEDS = {
    "die": lambda _: os._exit(3),
    "hang": lambda _: None,
    "freeze": freeze,
    "huge": lambda number: say(number, "x" * 10_000_000),
    "huge, number last": lambda number: send(
        json.dumps({"result": {"more": "x" * 10_000_000}, "id": number, "jsonrpc": "2.0"})
    ),
    "no json": lambda number: send(f'{{"jsonrpc": "2.0", "id": {number}, "result": {{oops'),
    "noise": lambda number: (send("loading..."), answer(number)),
    "no result": lambda number: reply(number, {"content": SECRET}),
    "text that is no json": lambda number: say(number, SECRET),
    "nan": lambda number: say(number, '{"category": "law", "confidence": NaN}'),
    "empty": lambda number: reply(number, {"content": []}),
    "error": lambda number: reply(
        number, {"content": [{"type": "text", "text": SECRET}], "isError": True}
    ),
    "error object": lambda number: say(number, json.dumps({"error": SECRET})),
    "rpc error": lambda number: refuse(number, -32602, SECRET),
    "environment": lambda number: answer(number, environment=dict(os.environ)),
    "fill stderr": fill_stderr,
    "flood": flood,
    "have a child": have_a_child,
}


def call(number: int, params: dict[str, Any]) -> None:
    if params["name"] == "list_categories":
        reply(number, {"structuredContent": {"categories": ["law", "health"]}, "content": []})
        return
    deed = DEEDS.get(params["arguments"].get("text", ""))
    if deed is None:
        answer(number, pid=os.getpid(), arguments=params["arguments"])
    else:
        deed(number)


def initialize(number: int, params: dict[str, Any]) -> None:
    if "newest" in OPTIONS:
        refuse(number, -32601, "method not found")
    elif "mute" not in OPTIONS:
        version = params["protocolVersion"]
        reply(
            number,
            {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "scripted", "version": "1"},
            },
        )


def discover(number: int, _: dict[str, Any]) -> None:
    reply(number, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})


def list_tools(number: int, _: dict[str, Any]) -> None:
    reply(number, {"tools": [] if "toolless" in OPTIONS else TOOLS})


METHODS = {
    "initialize": initialize,
    "server/discover": discover,
    "tools/list": list_tools,
    "tools/call": call,
    "ping": lambda number, _: reply(number, {}),
}


def main() -> None:
    if "broken" in OPTIONS:
        sys.exit(f"no {os.environ['PASSWORD']} at postgres://me:pw@db")
    if "deaf" in OPTIONS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            METHODS[message["method"]](message["id"], message.get("params", {}))
    while "deaf" in OPTIONS:
        signal.pause()


if __name__ == "__main__":
    main()
