"""Every error that lora-router raises on purpose, and the answer that a client gets for it.

    RouterError
    ├── ClientError                 the request is at fault; answered in the caller's format
    │   ├── BadRequest              400
    │   ├── Forbidden               403
    │   ├── UnknownModel            404
    │   ├── RequestTimeout          408
    │   ├── PayloadTooLarge         413
    │   └── UnsupportedMediaType    415
    ├── Unavailable                 the router cannot decide just now: 503
    │   ├── ClassifierFailed        the encoder raised
    │   ├── ModelUnavailable        no endpoint has the adapter just now
    │   ├── Overloaded              the encoder's queue is full
    │   ├── TooManyBodies           all bodies that are being collected are too much together
    │   └── DeadlineExceeded        no result in time
    ├── ConfigError                 a configuration file cannot be used; lists every problem
    ├── ModelFilesError             a classifier directory cannot be used; names the mend
    └── ProtocolError               Envoy and we disagree about ext_proc

Messages are one line, lower case, and never quote prompt text.
"""

from __future__ import annotations

from typing import ClassVar, Self


class RouterError(Exception):
    """Root of the tree. `status` is the HTTP status, `code` the stable machine-readable name."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def caused_by(self, cause: Exception) -> Self:
        """This error, with what led to it.

        For use without a name: the cause knows the frames that it came through, and a frame that
        knew this error would keep the whole request in a circle.
        """
        self.__cause__ = cause
        return self


class ClientError(RouterError):
    """The request cannot be served as sent; `param` names the offending field, if there is one."""

    status = 400
    code = "invalid_request"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class BadRequest(ClientError):
    """The body or its headers are malformed."""


class Forbidden(ClientError):
    """The path manages a backend; it is not for clients."""

    status = 403
    code = "forbidden"


class UnknownModel(ClientError):
    """The client asked for a model that no endpoint serves."""

    status = 404
    code = "model_not_found"


class RequestTimeout(ClientError):
    """The body stopped arriving before its end."""

    status = 408
    code = "request_timeout"


class PayloadTooLarge(ClientError):
    """The body exceeds the configured limit."""

    status = 413
    code = "request_too_large"


class UnsupportedMediaType(ClientError):
    """The body is compressed or encoded in a way that the router does not read."""

    status = 415
    code = "unsupported_content_encoding"


class Unavailable(RouterError):
    """The router could not decide; whether clients notice is the `on_error` setting's choice."""

    status = 503
    code = "classifier_unavailable"


class ClassifierFailed(Unavailable):
    """The encoder raised on this input."""

    code = "classifier_failed"


class ModelUnavailable(Unavailable):
    """The adapter is configured, and no endpoint has loaded it."""

    code = "model_unavailable"


class Overloaded(Unavailable):
    """The encoder's queue is full; answered at once rather than queued without end."""

    code = "classifier_overloaded"


class TooManyBodies(Unavailable):
    """The bodies being collected at once would take more memory than they may."""

    code = "router_overloaded"


class DeadlineExceeded(Unavailable):
    """The classification did not finish in time."""

    code = "classifier_timeout"


class ModelFilesError(RouterError):
    """A classifier directory cannot be loaded. The message names the path and how to mend it."""

    code = "model_files"


class ConfigError(RouterError):
    """A configuration cannot be used. `problems` holds one formatted line for each finding."""

    code = "config"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ProtocolError(RouterError):
    """The ext_proc stream broke a rule that we cannot repair."""

    code = "ext_proc_protocol"
