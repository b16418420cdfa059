"""Slack's Web API on this machine: chat.postMessage and chat.update, with their errors and limits, failing on demand.

Sources: Slack's "Using the Slack Web API", "Rate limits", and the lists of errors of the two methods.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from batchbell.testing.faulty_server import Request, Response

from .channel_history import ChannelHistory, Content, SlackMessage
from .listening import Listening, RateLimit
from .sink import new_token
from .webhook_rules import find_violation

__all__ = ["POST", "UPDATE", "ApiCall", "ApiResponse", "SlackWebApi"]

POST, UPDATE = "chat.postMessage", "chat.update"
# "Rate limits": about one post a second and channel, with short bursts, and at least 50 edits a minute (tier 3).
POSTS_PER_SECOND, POSTS_AT_ONCE = 1.0, 5
EDITS_PER_MINUTE, EDITS_AT_ONCE = 50, 10
BLOCKS_LIMIT = 13_200  # characters of all blocks as JSON (slackapi/bolt-js#2509)


@dataclass(frozen=True)
class ApiResponse:
    """How a call is answered.

    error: Slack's name of the error, such as "ratelimited"; empty: the call is executed, and answered as ever.
    status: of an answer that is not 200. Without an error, the call is not executed and the body is not Slack's.
    retry_after: seconds in the header Retry-After.
    executes: True if the call is executed although an error is answered, as fatal_error may.
    delay, drip, cut: see `batchbell.testing.faulty_server.Response`. With cut="before" the answer of an executed call
        is lost.
    """

    error: str = ""
    status: int = 200
    retry_after: int | None = None
    executes: bool = False
    delay: float = 0.0
    drip: float = 0.0
    cut: str = ""

    @property
    def is_usual(self) -> bool:
        return not self.error and self.status == HTTPStatus.OK

    def with_body(self, body: Mapping[str, Any]) -> Response:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        text = json.dumps(body) if self.error or self.is_usual else ""
        return Response(self.status, text, headers, self.delay, self.drip, bool(self.drip), self.cut)


@dataclass(frozen=True)
class ApiCall:
    """A call that arrived. `error` is what was answered; "ok" if it was executed and answered so."""

    method: str
    payload: Mapping[str, Any] = field(repr=False)
    error: str


RATE_LIMITED = ApiResponse("ratelimited", 429, 1)
Decide = Callable[[str, Mapping[str, Any]], ApiResponse | None]


class SlackWebApi(Listening):
    """A workspace with one app, and a channel that its bot is a member of."""

    def __init__(self) -> None:
        super().__init__("slack-web-api")
        self.token = _bot_token()
        self.channel = f"C{new_token(10).upper()}"
        self.history = ChannelHistory()
        self._token_errors: dict[str, str] = {}
        self._channel_errors = {self.channel: ""}
        self._calls: list[ApiCall] = []
        self._planned: dict[str, tuple[ApiResponse, int | None]] = {}
        self._decide: Decide = lambda method, payload: None
        self._on_executed: Callable[[str, SlackMessage], None] = lambda method, message: None
        self._limits: Callable[[str, str], bool] = lambda method, channel: True

    @property
    def url(self) -> str:
        """The API's address, for the setting `api`."""
        return f"http://127.0.0.1:{self._port}/api"

    @property
    def calls(self) -> list[ApiCall]:
        with self._changed:
            return list(self._calls)

    @property
    def messages(self) -> list[SlackMessage]:
        return self.history.all()

    def rotate_token(self) -> str:
        """Replace the token: the old one is revoked."""
        with self._changed:
            self._token_errors[self.token] = "token_revoked"
            self.token = _bot_token()
            return self.token

    def refuse_token(self, error: str) -> None:
        """Answer this to the present token, such as "missing_scope" or "account_inactive"; "" accepts it again."""
        with self._changed:
            self._token_errors[self.token] = error

    def refuse_channel(self, error: str) -> None:
        """Answer this to calls about the channel, such as "not_in_channel" or "is_archived"; "" accepts them again."""
        with self._changed:
            self._channel_errors[self.channel] = error

    def answer(self, method: str, response: ApiResponse, *, times: int | None = None) -> None:
        """Answer calls of the method so: the next `times`, or until the next call of this. See `ApiResponse`."""
        with self._changed:
            self._planned[method] = response, times

    def answer_with(self, decide: Decide) -> None:
        """Let `decide` choose the answer to each method and payload; None means the usual one."""
        with self._changed:
            self._decide = decide

    def on_executed(self, act: Callable[[str, SlackMessage], None]) -> None:
        """Call `act` with each method and message before the answer is sent."""
        with self._changed:
            self._on_executed = act

    def limit(
        self,
        posts_per_second: float = POSTS_PER_SECOND,
        posts_at_once: int = POSTS_AT_ONCE,
        edits_per_minute: float = EDITS_PER_MINUTE,
        edits_at_once: int = EDITS_AT_ONCE,
    ) -> None:
        """Answer 429 to more calls than Slack takes: posts count for each channel, edits for the workspace."""
        posts = {channel: RateLimit(posts_per_second, posts_at_once) for channel in self._channel_errors}
        edits = RateLimit(edits_per_minute / 60, edits_at_once)
        with self._changed:
            self._limits = lambda method, channel: (posts[channel] if method == POST else edits).take()

    def wait_until(self, reached: Callable[[list[SlackMessage]], bool], timeout: float = 10.0) -> list[SlackMessage]:
        """Wait until the messages are as expected, and return them; raise TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: reached(self.history.all()), timeout):
                answered = [(call.method, call.error) for call in self._calls]
                raise TimeoutError(f"Slack's Web API: not reached within {timeout} s; answered so far: {answered}")
            return self.history.all()

    def _receive(self, request: Request) -> Response:
        method = request.path.removeprefix("/api/")
        payload = _read(request)
        message = None
        with self._changed:
            response = self._choose(method, payload)
            if response.is_usual and (error := self._find_error(method, request, payload)):
                response = error
            if response.is_usual or response.executes:
                message = self._execute(method, payload)
            self._calls.append(ApiCall(method, payload, response.error or str(response.status).replace("200", "ok")))
            self._changed.notify_all()
            act = self._on_executed
        if message is not None:
            act(method, message)
        if message is None or response.error:
            return response.with_body({"ok": False, "error": response.error})
        shown = {"type": "message", "text": message.shown.text, "ts": message.ts, "blocks": message.shown.blocks}
        return response.with_body({"ok": True, "channel": message.channel, "ts": message.ts, "message": shown})

    def _choose(self, method: str, payload: Mapping[str, Any]) -> ApiResponse:
        if (chosen := self._decide(method, payload)) is not None:
            return chosen
        response, left = self._planned.get(method, (ApiResponse(), None))
        if left == 0:
            return ApiResponse()
        if left is not None:
            self._planned[method] = response, left - 1
        return response

    def _find_error(self, method: str, request: Request, payload: Mapping[str, Any]) -> ApiResponse | None:
        channel = str(payload.get("channel", ""))
        error = (
            self._token_error(request)
            or ("" if method in (POST, UPDATE) else "unknown_method")
            or _content_error(request, payload)
            or self._channel_errors.get(channel, "channel_not_found")
        )
        if error:
            return ApiResponse(error)
        if not self._limits(method, channel):
            return RATE_LIMITED
        error = self._thread_error(payload) if method == POST else self._edit_error(payload)
        return ApiResponse(error) if error else None

    def _token_error(self, request: Request) -> str:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            return "not_authed"
        return self._token_errors.get(token, "" if token == self.token else "invalid_auth")

    def _thread_error(self, payload: Mapping[str, Any]) -> str:
        if "thread_ts" not in payload:
            return ""
        first = self.history.find(payload["channel"], payload["thread_ts"])
        # "Avoid using a reply's ts value; use its parent instead."
        return "" if first and not first.thread_ts else "thread_not_found"

    def _edit_error(self, payload: Mapping[str, Any]) -> str:
        message = self.history.find(payload["channel"], str(payload.get("ts")))
        if message is None:
            return "message_not_found"
        return "block_mismatch" if message.shown.has_rich_text and not _content(payload).has_rich_text else ""

    def _execute(self, method: str, payload: Mapping[str, Any]) -> SlackMessage | None:
        channel, content = payload.get("channel", self.channel), _content(payload)
        if method == POST:
            broadcast = payload.get("reply_broadcast") is True
            return self.history.post(channel, content, payload.get("thread_ts", ""), broadcast)
        message = self.history.find(channel, str(payload.get("ts")))
        return self.history.edit(message, content) if message else None


def _read(request: Request) -> dict[str, Any]:
    try:
        payload = json.loads(request.body)
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}


def _content(payload: Mapping[str, Any]) -> Content:
    return Content(payload.get("text", ""), payload.get("blocks", ()))


def _content_error(request: Request, payload: Mapping[str, Any]) -> str:
    if not request.headers.get("content-type", "").startswith("application/json"):
        return "invalid_post_type"
    if not payload:
        return "invalid_json"
    if not payload.get("text") and not payload.get("blocks"):
        return "no_text"
    if len(json.dumps(payload.get("blocks"), ensure_ascii=False)) > BLOCKS_LIMIT:
        return "msg_blocks_too_long"
    return "invalid_blocks" if find_violation(request.method, "application/json", request.body) else ""


def _bot_token() -> str:
    return f"xoxb-{new_token(12)}-{new_token(12)}-{new_token(24)}"
