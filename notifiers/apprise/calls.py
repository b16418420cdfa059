"""The HTTP calls of one send.

Apprise's plugins call `requests.post` and its like. In their modules, and nowhere else, `requests` is replaced by a
stand-in: in a thread that has `Calls` it makes each call by them, in any other thread it is requests itself. So the
status and the Retry-After of a response are known, which Apprise does not pass on.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, SSLError

from batchbell.contract import PermanentError, TemporaryError
from batchbell.webhook import CONNECT_TIMEOUT, READ_TIMEOUT, SendError, WebhookResponse, classify

RESPONSE_LIMIT = 1024 * 1024  # bytes that a plugin may read of a response
NOT_CONNECTED = (NewConnectionError, ConnectTimeoutError, SSLError)


class Calls:
    """What the calls of one send came to. They are made in one thread."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._made = False
        self._accepted = False  # a call had a 2xx
        self._changed = False  # one that was more than a question, which may have been the message
        self._error: SendError | None = None  # of the last call

    @contextmanager
    def here(self) -> Iterator[None]:
        """In the block, Apprise's calls in this thread are these."""
        _replace_requests()
        _thread.calls = self
        try:
            yield
        finally:
            _thread.calls = None

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Make one call as `requests.request` does, and return the response. Raises requests.ConnectionError.

        After a failure that may pass no further call is made: a plugin's own second attempt could be a repeat.
        """
        if isinstance(self._error, TemporaryError):
            raise requests.ConnectionError("an earlier call of this send has failed")
        self._made = True
        adapter = _WatchedAdapter()
        try:
            response = _call(adapter, method, url, options)
        except Exception as error:  # its text holds the URL, or a header
            sent = adapter.sent_some or (adapter.has_no_body and not _is_before_connection(error))
            self._error = TemporaryError(
                f"{self._service} gave no answer ({type(error).__name__})", maybe_delivered=sent
            )
            raise requests.ConnectionError("no answer") from None
        self._error = classify(
            WebhookResponse(self._service, response.status_code, "", response.headers.get("Retry-After"))
        )
        if self._error is None:
            self._accepted = True
            self._changed = self._changed or method.upper() != "GET"
        return response

    def outcome(self, delivered: bool) -> SendError | None:
        """Return the error that the send means, or None if the message was delivered.

        delivered: what the plugin says
        """
        if delivered and (self._accepted or not self._made):
            return None
        if self._error is not None:
            self._error.maybe_delivered = self._error.maybe_delivered or self._changed
            return self._error
        if self._accepted:
            return PermanentError(
                f"{self._service} answered with a success that Apprise does not take for one", maybe_delivered=True
            )
        return None


class _WatchedAdapter(HTTPAdapter):
    """Knows whether any of the request's body was sent."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)
        self._upload: io.BytesIO | None = None

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        body = request.body
        if isinstance(body, str | bytes) and body:
            self._upload = io.BytesIO(body.encode() if isinstance(body, str) else body)
            request.body = self._upload  # a file, whose position shows it
        return super().send(request, *args, **options)

    @property
    def has_no_body(self) -> bool:
        return self._upload is None

    @property
    def sent_some(self) -> bool:
        return self._upload is not None and self._upload.tell() > 0


def _call(adapter: HTTPAdapter, method: str, url: str, options: dict[str, Any]) -> requests.Response:
    limits = {
        "allow_redirects": False,  # a redirect turns POST into GET, whose 200 would pass for success
        "timeout": (CONNECT_TIMEOUT, READ_TIMEOUT),
        "stream": True,
    }
    with requests.Session() as session:  # new each time: after Lambda's freeze a kept connection may be dead
        session.trust_env = False  # ignores .netrc and proxy variables
        session.headers.update({"Accept-Encoding": "identity", "Connection": "close"})
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        with session.request(method, url, **{**options, **limits}) as response:
            content = b""
            while (room := RESPONSE_LIMIT - len(content)) and (piece := response.raw.read(room, decode_content=True)):
                content += piece
    response._content = content
    response._content_consumed = True
    return response


def _is_before_connection(error: Exception) -> bool:
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NOT_CONNECTED)


class _Requests:
    """Stands in for the module `requests` in Apprise's modules."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        calls: Calls | None = getattr(_thread, "calls", None)
        return requests.request(method, url, **options) if calls is None else calls.request(method, url, **options)

    def get(self, url: str, params: Any = None, **options: Any) -> requests.Response:
        return self.request("GET", url, params=params, **options)

    def head(self, url: str, **options: Any) -> requests.Response:
        return self.request("HEAD", url, **{"allow_redirects": False, **options})

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> requests.Response:
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url: str, **options: Any) -> requests.Response:
        return self.request("DELETE", url, **options)


_thread = threading.local()
_stand_in = _Requests()


def _replace_requests() -> None:
    """Put the stand-in into each module of Apprise that is loaded by now."""
    for name, module in list(sys.modules.items()):
        if name.startswith("apprise.") and vars(module).get("requests") is requests:
            vars(module)["requests"] = _stand_in


def uses_http(plugin: object) -> bool:
    """Whether a plugin calls its service by HTTP."""
    return any(vars(sys.modules[one.__module__]).get("requests") is _stand_in for one in type(plugin).__mro__[:-1])
