"""A model that does as told, and requests that wait behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from router.encoder import Encoding
from router.encoder.batcher import Batcher
from router.encoder.tokens import Tokens


@dataclass
class Gate:
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)


class ScriptedModel:
    """One token for each character; a run of a held text waits, and some texts are poison."""

    labels = ("health", "law")
    aliases: Mapping[str, tuple[str, ...]] = {"legal": ("law",)}

    def __init__(self, token_budget: int = 1000) -> None:
        self.token_budget = token_budget
        self.held: dict[str, Gate] = {}
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()

    def cut(self, text: str) -> str:
        return text[:100]

    def tokenize(self, text: str) -> Tokens:
        if "unreadable" in text:
            raise ValueError(text)
        return Tokens([ord(character) for character in text], truncated=len(text) == 100)

    def run_tokens(self, batch: Sequence[Tokens]) -> list[Encoding]:
        texts = ["".join(map(chr, tokens.ids)) for tokens in batch]
        self.threads.add(threading.current_thread().name)
        for gate in [self.held[text] for text in texts if text in self.held]:
            gate.reached.set()
            assert gate.opened.wait(30)
        self.batches.append(texts)
        if any("poison" in text for text in texts):
            raise ValueError(f"cannot digest {texts}")
        if "fatal" in texts:
            raise KeyboardInterrupt
        if "swallowed" in texts:
            return []
        return [encoding(text) for text in texts]

    def hold(self, text: str) -> Gate:
        return self.held.setdefault(text, Gate())

    def release(self) -> None:
        for gate in self.held.values():
            gate.opened.set()


def encoding(text: str) -> Encoding:
    law = np.float32("law" in text)
    return Encoding(np.array([1 - law, law]), None, len(text), truncated=len(text) == 100)


async def busy(batcher: Batcher, model: ScriptedModel) -> asyncio.Task[Encoding]:
    """A first request that the model is working on until released."""
    gate = model.hold("first")
    task = asyncio.create_task(batcher.encode("first"))
    assert await asyncio.to_thread(gate.reached.wait, 30)
    return task


async def queue(batcher: Batcher, *texts: str) -> list[asyncio.Task[Encoding]]:
    """Requests that are waiting behind the first one."""
    before = batcher.statistics().requests
    tasks = [asyncio.create_task(batcher.encode(text)) for text in texts]
    await asyncio.sleep(0)  # one turn of the loop: each has come as far as it can
    assert batcher.statistics().requests == before + len(texts)
    return tasks
