"""Slack's Web API: its address, its tokens, and what its answers mean.

Sources: Slack's "Using the Slack Web API", and the lists of errors of chat.postMessage and chat.update. An answer has
status 200 and {"ok": false, "error": …} for most errors.
"""

from __future__ import annotations

import json
import re
from typing import Any

from batchbell import webhook
from batchbell.contract import PermanentError, Secret, TemporaryError
from batchbell.webhook import Address, SendError, Webhook, WebhookResponse, WrongWebhook, read_retry_after, url_problem

API = "https://slack.com/api"
API_SHAPE = re.compile(r"https://slack(?:-gov)?\.com/api")  # the second is GovSlack's
# A token that Slack rotates (xoxe.xoxb-…) ends after twelve hours, so that it is of no use here.
TOKEN = re.compile(r"xoxb-[A-Za-z0-9-]{10,250}")
RESPONSE_LIMIT = 262_144  # bytes: an answer repeats the message, in which each character may take twelve
CODE = re.compile(r"[a-z_]{1,60}")  # such as channel_not_found

BUSY = frozenset({"ratelimited", "rate_limited"})
# Slack may have done part of it before (its list of errors of chat.postMessage).
BROKEN = frozenset({"internal_error", "fatal_error"})
UNAVAILABLE = frozenset(
    {
        "service_unavailable",
        "request_timeout",  # the request arrived truncated
        "team_added_to_org",  # a migration that will be over, like the next two
        "org_login_required",
        "external_channel_migrating",
        "update_failed",  # of Slack itself
    }
)
# They are about the token or the channel, and so about every message. A token of another app may be allowed what this
# one's is not, so that it is read again. What follows says what helps, where that is sure.
REFUSED = {
    "invalid_auth": "",
    "not_authed": "",
    "account_inactive": "",
    "token_revoked": "",
    "token_expired": "",
    "not_allowed_token_type": "",
    "missing_scope": "the app needs the scope chat:write",
    "no_permission": "the app's bot must be a member of the channel",
    "not_in_channel": "invite the app's bot to the channel",
    "channel_not_found": "the id is wrong, or the channel is private and the app's bot is not a member",
    "is_archived": "",
    "is_inactive": "the channel is frozen, archived or deleted",
    "restricted_action": "",
    "restricted_action_read_only_channel": "",
    "restricted_action_thread_only_channel": "",
    "ekm_access_denied": "",
    "access_denied": "",
    "accesslimited": "",
    "enterprise_is_restricted": "",
    "team_access_not_granted": "",
    "team_not_found": "",
    "two_factor_setup_required": "",
    "method_deprecated": "",
    "deprecated_endpoint": "",
}
# The message that a reply belongs to is gone, or takes no replies.
UNTHREADED = frozenset(
    {
        "thread_not_found",
        "message_not_found",
        "cannot_reply_to_message",
        "restricted_action_non_threadable_channel",
    }
)


class NoThread(PermanentError):
    """There is no message with the given ts, or it takes no replies."""


def open_method(token: Secret, api: str, method: str) -> Webhook:
    """Return what posts to a method, such as chat.update.

    api: a token is sent nowhere if it is not `API`, GovSlack's, or on this machine together with AWS.
    """

    def locate(value: str) -> Address:
        headers = {"Authorization": f"Bearer {value}", "Content-Type": "application/json; charset=utf-8"}
        return Address(f"{api}/{method}", headers)

    return Webhook(
        token,
        "Slack",
        lambda value: api_problem(api) or token_problem(value),
        classify,
        locate=locate,
        response_limit=RESPONSE_LIMIT,
    )


def api_problem(api: str) -> str | None:
    """Say what is wrong with the API's address; None if it is right."""
    return url_problem(api, API_SHAPE, API, "the address of Slack's API")


def token_problem(token: str) -> str | None:
    """Say what is wrong with a bot token, without showing it; None if it is right."""
    if TOKEN.fullmatch(token):
        return None
    if TOKEN.fullmatch(token.strip()):
        return "the token has spaces or a line break around it"
    return "the token does not look like a bot token: xoxb-…"


def classify(response: WebhookResponse) -> SendError | None:
    """Return the error that an answer means, or None if Slack says that it is ok.

    An error that is not listed above is about this message only. It is permanent: Slack has refused the message, which
    is kept as a dead letter, and the same request would be refused again.
    """
    answer = read_answer(response.text)
    code = _code(answer)
    reason = f"Slack answered {response.status} {code}".rstrip()
    if code in BUSY | UNAVAILABLE:
        return TemporaryError(reason, read_retry_after(response.retry_after))
    if code in BROKEN:
        return TemporaryError(reason, read_retry_after(response.retry_after), maybe_delivered=True)
    if code in REFUSED:
        return WrongWebhook(f"{reason}: {hint}" if (hint := REFUSED[code]) else reason)
    if code in UNTHREADED:
        return NoThread(reason)
    if error := webhook.classify(response, code):
        return error
    if code:
        return PermanentError(reason)
    if response.status == 200 and answer.get("ok") is True:
        return None
    return PermanentError(f"{reason} instead of ok: perhaps a proxy answered, not Slack", maybe_delivered=True)


def read_answer(text: str) -> dict[str, Any]:
    """Return the answer; empty if it is not a JSON object."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _code(answer: dict[str, Any]) -> str:
    """Return Slack's name of the error; empty if it is not one."""
    code = answer.get("error")
    return code if answer.get("ok") is False and isinstance(code, str) and CODE.fullmatch(code) else ""
