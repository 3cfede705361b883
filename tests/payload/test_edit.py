"""Every edit changes the bytes that it names and no others, whatever JSON surrounds them.

The bodies are drawn as trees of text, so that each test knows by construction what must come out.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from router.catalog import ReasoningFamily, ReasoningStyle
from router.payload import Edit, Reasoning, SystemPrompt, SystemPromptMode, parse
from router.request import Api

QWEN = ReasoningFamily("qwen3", ReasoningStyle.CHAT_TEMPLATE_KWARGS, "enable_thinking")
GPT_OSS = ReasoningFamily("gpt-oss", ReasoningStyle.REASONING_EFFORT, "reasoning_effort")
SYSTEM_MEMBER = {Api.RESPONSES: "instructions", Api.MESSAGES: "system"}
KNOWN = {
    *("model", "messages", "input", "prompt", "instructions", "system", "stream", "reasoning"),
    *("chat_template_kwargs", "reasoning_effort", "enable_thinking", "role", "content"),
}
many = settings(max_examples=100, deadline=None)


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass
class Member:
    key: str
    value: Node
    blanks: tuple[str, str, str, str] = ("", "", "", "")


@dataclass
class Obj:
    members: list[Member]
    tail: str = ""

    def get(self, name: str) -> Member | None:
        return next((m for m in self.members if json.loads(m.key) == name), None)

    def set(self, name: str, value: Node) -> None:
        if member := self.get(name):
            member.value = value
            return
        # A new member stands directly behind the last value, ahead of the blanks there.
        tail = ""
        if self.members:
            last = self.members[-1]
            tail, last.blanks = last.blanks[3], (*last.blanks[:3], "")
        self.members.append(Member(dumps(name), value, ("", "", "", tail)))


@dataclass
class Arr:
    items: list[tuple[str, Node, str]] = field(default_factory=list)
    tail: str = ""


Node = str | Obj | Arr


def render(node: Node) -> str:
    match node:
        case Obj(members, tail):
            texts = []
            for m in members:
                a, b, c, d = m.blanks
                texts.append(f"{a}{m.key}{b}:{c}{render(m.value)}{d}")
            return "{" + ",".join(texts) + tail + "}"
        case Arr(items, tail):
            return "[" + ",".join(a + render(n) + b for a, n, b in items) + tail + "]"
        case _:
            return node


blanks = st.text(" \t\n\r", max_size=2)
plain = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\')
escapes = st.one_of(
    st.sampled_from(['\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]),
    st.from_regex(r"\\u[0-9a-fA-F]{4}", fullmatch=True),
    st.sampled_from(["\\ud83d\\ude00", "\\uD800", "\\udfff", "\\ud83d", "\\\\ud800"]),
)
strings = st.lists(plain | escapes, max_size=6).map(lambda chars: f'"{"".join(chars)}"')
numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
scalars = (
    strings | numbers | st.sampled_from(["true", "false", "null", "-0", "1.0e+5", "[ ]", "{ }"])
)


def members(values: st.SearchStrategy[Node]) -> st.SearchStrategy[Member]:
    return st.builds(Member, strings, values, st.tuples(blanks, blanks, blanks, blanks))


def arrays(values: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(Arr, st.lists(st.tuples(blanks, values, blanks), min_size=1, max_size=3))


values: st.SearchStrategy[Node] = st.recursive(
    scalars,
    lambda inner: arrays(inner) | st.builds(Obj, st.lists(members(inner), min_size=1, max_size=3)),
    max_leaves=6,
)


def read_name(key: str) -> str:
    """The name as the router reads it, with its one stand-in for every lone surrogate."""
    return json.loads(key).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def escape_first(name: str) -> str:
    return f'"\\u{ord(name[0]):04x}{name[1:]}"'


@st.composite
def objects(draw: st.DrawFn, required: dict[str, st.SearchStrategy[Node]]) -> Obj:
    """An object with the required members, in any order among others of other names."""
    others = draw(st.lists(members(values), max_size=3, unique_by=lambda m: read_name(m.key)))
    found = [other for other in others if read_name(other.key) not in KNOWN]
    for name, strategy in required.items():
        key = draw(st.sampled_from([dumps(name), dumps(name), escape_first(name)]))
        around = draw(st.tuples(blanks, blanks, blanks, blanks))
        found.append(Member(key, draw(strategy), around))
    return Obj(draw(st.permutations(found)))


parts = objects({"type": st.just('"text"'), "text": strings})
contents = strings | st.just("null") | st.just("[ ]") | arrays(parts)


def with_some(
    required: dict[str, st.SearchStrategy[Node]], optional: dict[str, st.SearchStrategy[Node]]
) -> st.SearchStrategy[Obj]:
    chosen = st.sets(st.sampled_from(sorted(optional)))
    return chosen.flatmap(lambda some: objects(required | {name: optional[name] for name in some}))


roles = st.sampled_from(['"system"', '"developer"', '"user"', '"assistant"', '"tool"'])
messages = arrays(with_some({"role": roles}, {"content": contents}))
printable = st.characters(exclude_categories=["C", "Z"], exclude_characters='"\\')
model_escapes = st.sampled_from(['\\"', "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\uD800"])
models = st.lists(printable | model_escapes, min_size=1, max_size=6).map("".join).map('"{}"'.format)
shared = {
    "stream": st.sampled_from(["true", "false", "null"]),
    "chat_template_kwargs": with_some({}, {"enable_thinking": scalars, "thinking": scalars}),
    "reasoning_effort": st.sampled_from(['"high"', "null"]),
}
reasonings = with_some({}, {"effort": st.sampled_from(['"high"', "null"]), "summary": scalars})
bodies: dict[Api, st.SearchStrategy[Obj]] = {
    Api.CHAT_COMPLETIONS: with_some({"model": models, "messages": messages}, shared),
    Api.COMPLETIONS: with_some({"model": models, "prompt": strings}, shared),
    Api.RESPONSES: with_some(
        {"model": models, "input": strings},
        {**shared, "instructions": strings | st.just("null"), "reasoning": reasonings},
    ),
    Api.MESSAGES: with_some(
        {"model": models, "messages": messages}, {**shared, "system": contents}
    ),
}
requests = st.sampled_from(Api).flatmap(lambda api: st.tuples(st.just(api), bodies[api]))
texts = st.text(max_size=12)
prompts = st.builds(SystemPrompt, texts, st.sampled_from(SystemPromptMode))
names = st.text(printable | st.just('"'), min_size=1, max_size=8)
reasoning_edits = st.builds(
    Reasoning,
    st.sampled_from([QWEN, GPT_OSS]),
    st.booleans(),
    st.none() | st.sampled_from(["low", "high"]),
)
edits = st.builds(Edit, st.none() | names, st.none() | prompts, st.none() | reasoning_edits)


def expected_content(prompt: SystemPrompt, old: Node | None) -> Node:
    empty = old in (None, "null", '""', "[ ]")
    if prompt.mode is SystemPromptMode.REPLACE or empty:
        return dumps(prompt.text)
    lead = dumps(prompt.text + "\n\n")
    if isinstance(old, Arr):
        part = '{"type":"text","text":' + lead + "}"
        first, *rest = old.items
        # The blanks that followed the bracket now precede the client's first part.
        return Arr([("", part, ""), first, *rest])
    return lead[:-1] + old[1:]


def apply_prompt(api: Api, body: Obj, prompt: SystemPrompt) -> None:
    if name := SYSTEM_MEMBER.get(api):
        old = body.get(name)
        body.set(name, expected_content(prompt, old and old.value))
    elif api is Api.CHAT_COMPLETIONS:
        conversation = body.get("messages").value
        for _, message, _ in conversation.items:
            if message.get("role").value in ('"system"', '"developer"'):
                old = message.get("content")
                message.set("content", expected_content(prompt, old and old.value))
                return
        first = '{"role":"system","content":' + dumps(prompt.text) + "}"
        conversation.items.insert(0, ("", first, ""))


def apply_reasoning(api: Api, body: Obj, reasoning: Reasoning) -> None:
    if api is Api.COMPLETIONS:
        return
    if reasoning.family is QWEN:
        put_inside(body, "chat_template_kwargs", "enable_thinking", dumps(reasoning.enabled))
    elif api is not Api.MESSAGES:
        own = client_effort(api, body)
        keep = own is not None and not (reasoning.enabled and reasoning.effort)
        if keep:
            return
        effort = (reasoning.effort or "medium") if reasoning.enabled else "low"
        if api is Api.RESPONSES:
            put_inside(body, "reasoning", "effort", dumps(effort))
        else:
            body.set("reasoning_effort", dumps(effort))


def client_effort(api: Api, body: Obj) -> Node | None:
    if api is Api.RESPONSES:
        holder, name = body.get("reasoning"), "effort"
        member = holder and holder.value.get(name)
    else:
        member = body.get("reasoning_effort")
    return None if member is None or member.value == "null" else member.value


def put_inside(body: Obj, name: str, key: str, value: str) -> None:
    if member := body.get(name):
        member.value.set(key, value)
    else:
        body.set(name, Obj([Member(dumps(key), value)]))


def apply(api: Api, body: Obj, edit: Edit) -> Obj:
    body = copy.deepcopy(body)
    if edit.model is not None and edit.model != json.loads(body.get("model").value):
        body.set("model", dumps(edit.model))
    if edit.system_prompt is not None:
        apply_prompt(api, body, edit.system_prompt)
    if edit.reasoning is not None:
        apply_reasoning(api, body, edit.reasoning)
    return body


@many
@given(requests, edits, blanks, blanks)
def test_an_edit_changes_the_bytes_that_it_names_and_no_others(
    request: tuple[Api, Obj], edit: Edit, before: str, after: str
) -> None:
    api, tree = request
    body = (before + render(tree) + after).encode()
    expected = before + render(apply(api, tree, edit)) + after
    rewritten = parse(api, body).rewrite(edit)
    assert rewritten.decode() == expected
    json.loads(rewritten)


@many
@given(requests)
def test_an_edit_of_nothing_returns_the_very_same_object(request: tuple[Api, Obj]) -> None:
    api, tree = request
    body = render(tree).encode()
    payload = parse(api, body)
    assert payload.rewrite(Edit()) is body
    assert payload.rewrite(Edit(model=payload.request.model)) is body


@many
@given(requests, edits)
def test_a_replacing_edit_applied_twice_changes_nothing_more(
    request: tuple[Api, Obj], edit: Edit
) -> None:
    api, tree = request
    prompt = edit.system_prompt and SystemPrompt(edit.system_prompt.text)
    edit = Edit(edit.model, prompt, edit.reasoning)
    once = parse(api, render(tree).encode()).rewrite(edit)
    assert parse(api, once).rewrite(edit) is once


@many
@given(requests, names, names)
def test_what_was_written_is_what_is_read_back(
    request: tuple[Api, Obj], model: str, text: str
) -> None:
    api, tree = request
    payload = parse(api, render(tree).encode())
    again = parse(api, payload.rewrite(Edit(model, SystemPrompt(text)))).request
    assert again.model == model
    assert again.prompt.turns == payload.request.prompt.turns
    assert text in again.prompt.system or not payload.takes_system_prompt
