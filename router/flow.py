"""One HTTP request's way through the router: checks, routing, and the mutation of its bytes.

Drives payload and routing and turns what they say into an answer; leaves the ext_proc phases to the
exchange, and telling anybody about it to whoever listens for the Routing.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from time import perf_counter
from urllib.parse import unquote

from msgspec.structs import replace

from router.balancing import Balancer
from router.decisions import Decision
from router.errors import BadRequest, ClientError, Forbidden, RouterError, Unavailable
from router.mutation import Answer, HeaderChanges, ImmediateResponse, MetadataValue, Mutation
from router.payload import (
    Edit,
    Payload,
    Reasoning,
    check_head,
    find_api,
    parse,
    render_error,
    render_models,
)
from router.request import Headers, HttpMessage, InferenceRequest, Prompt
from router.routing import Reason, Routing, pass_through_endpoint, route
from router.snapshot import Snapshot

ENDPOINT_HEADER = "x-selected-endpoint"
MODEL_HEADER = "x-selected-model"

# All that is read of a request's headers: Envoy forwards no others, credentials least of all.
HEADERS_READ = (
    ":method",
    ":path",
    "content-type",
    "content-encoding",
    "content-length",
    "x-request-id",
)

# vLLM's dynamic LoRA API lets its caller load files of the server: operators' business.
MANAGEMENT_PATHS = frozenset({"/v1/load_lora_adapter", "/v1/unload_lora_adapter"})

# A backend may read a path with a line break at its end as the path without it.
CONTROL_CHARACTERS = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)

MODELS_PATH = "/v1/models"


Reporter = Callable[[Routing], None]


class RequestFlow:
    """One HTTP request's way through the router, on the snapshot that it began with.

    Answers every request, whatever happens, and reports exactly one Routing for each, once the
    answer has left: nobody waits for a log line. The time it tells is the router's own, without
    that of a client who is slow to send its body.
    """

    def __init__(
        self, snapshot: Snapshot, report: Reporter, balancer: Balancer | None = None
    ) -> None:
        self._snapshot = snapshot
        self._report = report
        self._balancer = balancer or Balancer(rehearsing=True)
        self._head = HttpMessage(Headers())
        self._spent = 0.0
        # What is known of the request so far; the last word is what gets reported.
        self._routing = Routing(reason=Reason.PASS_THROUGH, config_version=snapshot.version)
        self._answered = False

    def on_request_headers(self, head: HttpMessage, *, end_of_stream: bool) -> Answer | None:
        """Answer what the headers alone decide; None where the body is wanted."""
        started = perf_counter()
        self._head = head
        self._routing = replace(self._routing, request_id=head.request_id)
        try:
            answer = self._read_head(head, end_of_stream)
        except ClientError as error:
            answer = self._refusal(Reason.CLIENT_ERROR, error)
        self._spent += perf_counter() - started
        return answer.with_metadata(self._conclude(answer)) if answer else None

    def _read_head(self, head: HttpMessage, end_of_stream: bool) -> Answer | None:
        path = _plain(head.path)
        if path.lower() in MANAGEMENT_PATHS:
            raise Forbidden(f"{path} is not for clients of the router")
        if head.method == "GET" and path == MODELS_PATH:
            return self._list_models()
        api = find_api(head.method, path)
        if api is None:
            return self._pass_through()
        self._routing = replace(self._routing, api=api)
        if end_of_stream:
            raise BadRequest("the request has no body")
        check_head(head, max_body_bytes=self._snapshot.max_body_bytes)
        return None

    async def on_request(self, request: HttpMessage) -> Answer:
        """Answer an inference request with its whole body."""
        started = perf_counter()
        try:
            answer = await self._route(request.body)
        except ClientError as error:
            answer = self._refusal(Reason.CLIENT_ERROR, error)
        except Exception as error:  # our own fault; the client learns no more than that
            failure = "the router failed on this request"
            answer = self._refusal(Reason.INTERNAL_ERROR, RouterError(failure).caused_by(error))
        self._spent += perf_counter() - started
        return answer.with_metadata(self._conclude(answer))

    async def _route(self, body: bytes) -> Answer:
        api = self._routing.api
        assert api is not None  # on_request_headers asked for the body
        started = perf_counter()
        payload = parse(api, body)
        parsed = perf_counter() - started
        request = replace(payload.request, headers=self._head.headers, path=self._head.path)
        routing = await route(self._snapshot, request, self._balancer)
        routing = replace(
            routing,
            request_id=self._routing.request_id,
            timings={"parse": parsed, **routing.timings},
        )
        self._routing = routing
        if routing.ref is None:
            assert routing.error is not None
            return self._refusal(routing.reason, routing.error)
        edit = edit_for(self._snapshot, routing, payload)
        injected = edit.system_prompt is not None
        self._routing = replace(routing, system_prompt_injected=injected)
        return mutation_for(routing, payload, edit)

    def refuse(self, error: RouterError) -> ImmediateResponse:
        """Answer a request that the protocol lets go no further."""
        reasons = ((ClientError, Reason.CLIENT_ERROR), (Unavailable, Reason.OVERLOADED))
        fitting = (reason for kind, reason in reasons if isinstance(error, kind))
        answer = self._refusal(next(fitting, Reason.INTERNAL_ERROR), error)
        return answer.with_metadata(self._conclude(answer))

    def _list_models(self) -> ImmediateResponse:
        self._routing = replace(self._routing, reason=Reason.MODEL_LIST)
        snapshot = self._snapshot
        catalog = snapshot.catalog
        found = self._balancer.discovered(catalog) if snapshot.discovers_adapters else ()
        if snapshot.only_auto_names:
            catalog, found = dataclasses.replace(catalog, models={}), ()
        body = render_models(catalog, snapshot.created, found)
        return ImmediateResponse(200, body, details="model_list")

    def _pass_through(self) -> Mutation:
        request = InferenceRequest(
            None, "", Prompt(), headers=self._head.headers, path=self._head.path
        )
        endpoint, rule = pass_through_endpoint(self._snapshot, request, self._balancer)
        self._routing = replace(self._routing, endpoint=endpoint, rule=rule)
        return Mutation(((ENDPOINT_HEADER, endpoint.name),), clear_route_cache=True)

    def _refusal(self, reason: Reason, error: RouterError) -> ImmediateResponse:
        self._routing = replace(self._routing, reason=reason, error=error)
        return render_error(self._head.path, error)

    def _conclude(self, answer: Answer) -> Mapping[str, MetadataValue]:
        """Put the last word on record; what Envoy is told of it."""
        self._answered = True
        self._routing = replace(
            self._routing,
            status=answer.status if isinstance(answer, ImmediateResponse) else None,
            timings={**self._routing.timings, "total": self._spent},
        )
        return self._routing.metadata()

    def closed(self, response_status: int | None = None) -> None:
        """The stream has ended. A client that left before its answer leaves nothing to report.

        `response_status` is what the endpoint answered, where Envoy shows that to the router.
        """
        routing = self._routing
        if response_status is not None and routing.endpoint is not None:
            self._balancer.responded(routing.endpoint, response_status)
            routing = replace(routing, response_status=response_status)
        # An error knows the frames that it came through, and they the body: keep no way back to it.
        del self._routing
        if self._answered:
            self._report(routing)


def _plain(path: str) -> str:
    """The path as the strangest of backends may read it. Raises BadRequest."""
    if "%" in path:
        if CONTROL_CHARACTERS.search(path):
            raise BadRequest("the path holds an encoded control character")
        path = unquote(path)
    return path.rstrip("/")


def edit_for(snapshot: Snapshot, routing: Routing, payload: Payload) -> Edit:
    """What changes in the body. Nothing where the client chose the model itself."""
    if routing.reason is Reason.MODEL_SPECIFIED:
        return Edit()
    assert routing.ref is not None
    decision = _applied(routing)
    prompt = decision.system_prompt if decision and payload.takes_system_prompt else None
    return Edit(routing.model, prompt, _reasoning(snapshot, routing))


def _applied(routing: Routing) -> Decision | None:
    """The decision that the request follows; a default model that stands in follows none."""
    if routing.verdict is None or routing.choice is None or routing.choice.ref is None:
        return None
    return routing.verdict.decision


def _reasoning(snapshot: Snapshot, routing: Routing) -> Reasoning | None:
    assert routing.ref is not None
    family = snapshot.catalog.models[routing.ref.model].reasoning_family
    if family is None or routing.reasoning is None:
        return None
    return Reasoning(family, routing.reasoning, routing.reasoning_effort)


def mutation_for(routing: Routing, payload: Payload, edit: Edit) -> Mutation:
    """The headers that send the request to its endpoint, and the rewritten body if it changed."""
    assert routing.endpoint is not None
    assert routing.model is not None
    body = payload.rewrite(edit) if edit != Edit() else None
    decision = _applied(routing)
    headers = decision.headers if decision else HeaderChanges()
    ours = ((ENDPOINT_HEADER, routing.endpoint.name), (MODEL_HEADER, routing.model))
    return Mutation((*headers.set, *ours), headers.remove, body, clear_route_cache=True)
