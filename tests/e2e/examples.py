"""The configurations in `config/`: requests that show what each is for, and how one is run.

A case is true of `lora-router explain` and of a request through Envoy alike. To add a
configuration, add its example here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from router.config import Config, load
from router.testing import (
    FakeBackend,
    ManagedProcess,
    RealEnvoy,
    Received,
    RouterProcess,
    on_free_ports,
)
from tests.e2e.conftest import CHAT, JSON, ROOT, Reply, question

FOLDER = ROOT / "config"
TENANT_ROUTER = ROOT / "examples" / "mcp-tenant-router"
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """A request, and what becomes of it.

    `more` are members of its body. `model` is what the backend is asked for, `endpoint` where, if
    that is not the only one. `prompt` is the system prompt that arrives, `arriving` headers that do
    (None: that do not).
    """

    text: str = field(repr=False)
    model: str
    decision: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    endpoint: str | None = None
    prompt: str | None = None
    arriving: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {**question(self.text), **self.more}

    @property
    def label(self) -> str:
        """What tests are called by."""
        who = ",".join(self.headers.values())
        return f"{self.text[:24]}-{who}-{self.more.get('model', '')}".strip("-")


@dataclass(frozen=True)
class Example:
    """A configuration's cases, how many warnings it has, and what must run beside it."""

    cases: tuple[Case, ...]
    warnings: int = 0
    beside: Callable[[Path], AbstractAsyncContextManager[Environment]] = lambda _: nullcontext({})


@dataclass(frozen=True)
class Served:
    """An example with Envoy, the router, what it needs, and a backend for each endpoint."""

    config: Config
    file: Path
    router: RouterProcess
    envoy: RealEnvoy
    backends: Mapping[str, FakeBackend]
    session: aiohttp.ClientSession

    async def ask(self, case: Case, **headers: str) -> tuple[Reply, str, Received]:
        """What the client got, the endpoint that was asked, and what arrived there."""
        for backend in self.backends.values():
            backend.forget()
        async with self.session.post(
            self.envoy.url + CHAT,
            data=json.dumps(case.body).encode(),
            headers={**JSON, **case.headers, **headers},
        ) as answer:
            reply = Reply(answer.status, answer.headers, await answer.read())
        arrived = [(name, r) for name, b in self.backends.items() for r in b.received]
        assert len(arrived) == 1, reply
        return reply, *arrived[0]

    async def logged(self, request_id: str) -> dict[str, Any]:
        """The router's line of log for one request, once it is written."""
        found: list[dict[str, Any]] = []

        async def written() -> bool:
            lines = self.router.process.output().splitlines()
            events = (json.loads(line) for line in lines if request_id in line)
            found.extend(events)
            return bool(found)

        await self.router.process.until(written)
        assert len(found) == 1
        return found[0]


def patient_copy(name: str, directory: Path) -> Path:
    """The file as it is shipped, but for more patience with a server on a busy machine."""
    copy = directory / name
    text = (FOLDER / name).read_text()
    copy.write_text(text.replace("timeout_seconds: 0.5", "timeout_seconds: 30"))
    return copy


@asynccontextmanager
async def served(
    name: str, directory: Path, session: aiohttp.ClientSession
) -> AsyncIterator[Served]:
    """Run an example on free ports; the working directory must be the repository's root."""
    async with AsyncExitStack() as stack:
        environment = await stack.enter_async_context(EXAMPLES[name].beside(directory))
        path = patient_copy(name, directory)
        config = load(path, environ={**os.environ, **environment}).config
        backends = {
            endpoint.name: await stack.enter_async_context(_backend(endpoint.name, config))
            for endpoint in config.vllm_endpoints
        }
        config = on_free_ports(config, [backend.port for backend in backends.values()])
        router = await stack.enter_async_context(RouterProcess(config, directory))
        envoy = await stack.enter_async_context(RealEnvoy(config, directory))
        yield Served(config, directory / "config.yaml", router, envoy, backends, session)


def _backend(endpoint: str, config: Config) -> FakeBackend:
    """A backend that knows the one base model of its endpoint, and that model's adapters."""
    (base,) = (
        name
        for name in config.models
        if endpoint in {served.name for served in config.endpoints_of(name)}
    )
    return FakeBackend(base, [lora.name for lora in config.models[base].loras])


@asynccontextmanager
async def tenant_server(directory: Path) -> AsyncIterator[Environment]:
    """The MCP server of the multi-tenant example, with the tenants that its README seeds."""
    database = str(directory / "tenants.db")
    for command in (
        ("seed", "--tenants", "1000"),
        ("add", "tenant-0002", "tenant-0002-lora=80", "tenant-0002-lora-v2=20"),
        ("add", "tenant-0003", "tenant-0003-lora", "--inactive"),
    ):
        await _run_to_the_end(directory, *command, "--database", database)
    serve = ("serve", "--transport", "http", "--port", "0", "--database", database)
    server = ManagedProcess(_tenant_router(*serve), directory / "tenants.log")
    await server.start()
    try:
        await server.until(lambda: _says(server, " listening on "))
        yield {"TENANT_ROUTER_URL": server.output().split(" listening on ")[1].split()[0]}
    finally:
        await server.stop()


async def _run_to_the_end(directory: Path, *arguments: str) -> None:
    process = ManagedProcess(_tenant_router(*arguments), directory / "tenants.log")
    await process.start()
    assert await process.wait() == 0, process.output()


def _tenant_router(*arguments: str) -> list[str]:
    return [sys.executable, str(TENANT_ROUTER), *arguments]


async def _says(process: ManagedProcess, words: str) -> bool:
    return words in process.output()


TECHNICAL = "You are an expert software engineer."
MEDICAL = "You are a medical expert."
LEGAL = "You are a legal expert."

DOMAIN = Example(
    (
        Case("Explain async/await in JavaScript", "technical-lora", "technical", prompt=TECHNICAL),
        Case("What causes high blood pressure?", "medical-lora", "medical", prompt=MEDICAL),
        Case("Is a verbal contract legally binding?", "legal-lora", "legal", prompt=LEGAL),
        Case("Recommend a novel for a long train journey", "llama2-7b", "general"),
        Case("What causes high blood pressure?", "legal-lora", more={"model": "legal-lora"}),
    ),
    warnings=1,  # the seed names a reasoning family that is none
)

CHINESE = Example(
    (
        Case(
            "解释 JavaScript 中的 async/await",
            "technical-lora",
            "technical",
            prompt="你是一位资深软件工程师。",
        ),
        Case("高血压的原因是什么？", "medical-lora", "medical", prompt="你是一位医学专家。"),
        Case("口头合同有法律效力吗？", "legal-lora", "legal", prompt="你是一位法律专家。"),
        Case(
            "推荐一本适合坐火车时看的小说",
            "llama2-7b",
            "general",
            prompt="你是一位乐于助人的助手。",
        ),
        Case("What causes high blood pressure?", "medical-lora", "medical"),
    ),
    warnings=1,
)

US_LAW = "You answer under US law only. Cite the statute or the case."
EU_LAW = "You answer under EU law only. Cite the regulation or the directive."

KEYWORDS = Example(
    (
        Case("Is spam a crime under US law?", "us-law-lora", "us-law", prompt=US_LAW),
        Case("Does EU law limit how long we may keep CVs?", "eu-law-lora", "eu-law", prompt=EU_LAW),
        Case("Is this contract void if nobody signed it?", "contract-lora", "contract"),
        Case("请按照美国法律审阅这封邮件", "us-law-lora", "us-law", prompt=US_LAW),
        Case("欧盟法律对数据保留有什么要求？", "eu-law-lora", "eu-law", prompt=EU_LAW),
        Case("合同没有签字有效吗？", "contract-lora", "contract"),
        # A contract under a law that is named is a matter of that law.
        Case("Under EU law, is this contract void?", "eu-law-lora", "eu-law"),
        Case(
            "How does the GDPR compare with the CCPA?", "comparative-law-lora", "two-jurisdictions"
        ),
        Case("What does 15 U.S.C. § 45 forbid?", "us-law-lora", "us-law"),
        Case("Summarise Regulation (EU) 2016/679", "eu-law-lora", "eu-law"),
        Case("Tell us law students pay less", "llama2-7b"),
        Case("A virus lawyer and a subcontractor walk into a bar", "llama2-7b"),
    )
)

SUPPORT_DESK = Example(
    (
        Case("my notebook is dead and I have a demo at ten", "it-lora", "it"),
        Case("密码想不起来了", "it-lora", "it"),
        Case("how many holidays do I have left this year?", "hr-lora", "hr"),
        Case("我还剩几天年假？", "hr-lora", "hr"),
        Case("where do I hand in the taxi receipt?", "finance-lora", "finance"),
        Case("出差的票据交给谁", "finance-lora", "finance"),
        Case("What is the capital of Mongolia?", "qwen3-8b", "general"),
    )
)


def tenant(name: str, user: str = "") -> dict[str, str]:
    return {"x-tenant-id": name, **({"x-user-id": user} if user else {})}


MULTI_TENANT = Example(
    (
        Case("hello", "tenant-0001-lora", "mcp", tenant("tenant-0001")),
        Case("hello", "tenant-0042-lora", "mcp", tenant("tenant-0042")),
        Case("What causes high blood pressure?", "tenant-0042-lora", "mcp", tenant("tenant-0042")),
        Case("hello", "tenant-0002-lora", "mcp", tenant("tenant-0002", "ann")),
        Case("hello", "tenant-0002-lora-v2", "mcp", tenant("tenant-0002", "dave")),
        Case("hello", "llama2-7b", None, tenant("tenant-0003")),  # not active
        Case("hello", "llama2-7b", None, tenant("nobody")),
        Case("hello", "llama2-7b"),
    ),
    beside=tenant_server,
)

SMALL, LARGE = "vllm-small", "vllm-large"
PREMIUM = {"x-plan": "premium"}
PICTURE = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is in this picture?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            ],
        }
    ]
}
MANY_PAGES = "Recommend a novel. " + "The train leaves at nine, and nobody is late. " * 2_400

HYBRID = Example(
    (
        Case(
            "Is a verbal contract legally binding?",
            "contract-lora",
            "contract-review",
            endpoint=SMALL,
            prompt="You review contracts. Quote the clause that each answer rests on.",
            arriving={"x-retention": "seven-years"},
        ),
        Case(
            "这份合同没有签字，有法律效力吗？", "contract-lora", "contract-review", endpoint=SMALL
        ),
        Case(
            "Can my landlord evict me without notice?",
            "careful-lora",
            "careful",
            endpoint=SMALL,
            arriving={"x-retention": None},
        ),
        Case("What causes high blood pressure?", "careful-lora", "careful", endpoint=SMALL),
        Case(
            "Why does my Rust code deadlock?",
            "code-lora",
            "software",
            {"x-plan": "free"},
            endpoint=SMALL,
            arriving={"x-plan": "free", "x-priority": None},
        ),
        Case(
            "Why does my Rust code deadlock?",
            "qwen3-32b",
            "software-premium",
            PREMIUM,
            endpoint=LARGE,
            arriving={"x-plan": None, "x-priority": "high"},
        ),
        Case(
            "My friend is unconcious, what shall I do?",
            "qwen3-32b",
            "emergency",
            endpoint=LARGE,
            prompt="If somebody may be in danger, first say to call the emergency services.",
            arriving={"x-priority": "urgent"},
        ),
        Case("我爸爸胸痛，怎么办？", "qwen3-32b", "emergency", endpoint=LARGE),
        Case(MANY_PAGES, "qwen3-32b", "long-document", endpoint=LARGE),
        Case("推荐一本适合坐火车时看的小说", "chinese-lora", "chinese", endpoint=SMALL),
        Case("Tell me a joke about cats", "qwen3-8b", "everyday", endpoint=SMALL),
        Case("What is in this picture?", "qwen3-32b", "everyday", more=PICTURE, endpoint=LARGE),
        Case("Tell me a joke about cats", "qwen3-32b", more={"model": "gpt-4o"}, endpoint=LARGE),
        Case("Tell me a joke", "qwen3-32b", more={"model": "gpt-4o-mini"}, endpoint=LARGE),
        Case("Tell me a joke", "code-lora", more={"model": "code-lora"}, endpoint=SMALL),
    )
)


def user(name: str) -> dict[str, str]:
    return {"x-user-id": name}


BLOOD = "What causes high blood pressure?"

AB_TEST = Example(
    (
        Case(BLOOD, "medical-lora-v1", "medical", user("ann"), prompt=MEDICAL),
        Case(BLOOD, "medical-lora-v2", "medical", user("xena"), prompt=MEDICAL),
        Case("Is a sore throat contagious?", "medical-lora-v2", "medical", user("xena")),
        Case("Tell me a joke about cats", "llama2-7b", None, user("xena")),
    )
)

EXAMPLES: Mapping[str, Example] = {
    "ab-test.yaml": AB_TEST,
    "config.yaml": DOMAIN,
    "config.zh.yaml": CHINESE,
    "hybrid.yaml": HYBRID,
    "keyword-compliance.yaml": KEYWORDS,
    "multi-tenant.yaml": MULTI_TENANT,
    "support-desk.yaml": SUPPORT_DESK,
}
