"""What can fail in a chaos run: Slack's responses to its webhook and to its bot, calls of AWS, clocks, events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchbell_local.slack.sink import SlackResponse
from batchbell_local.slack.web_api import ApiResponse

HANG = 8.0  # seconds; longer than the function's timeout here
TARPIT_DRIP = 2.0  # seconds between two bytes: no read times out, and the whole response takes hours
OFTEN, SOMETIMES, RARELY = 0.5, 0.25, 0.04

WAIT_A_DAY, TARPIT = "503, wait a day", "tarpit"
# Slack's responses, each with its probability per request. With "ok" in the body Slack has accepted the message, even
# if the response never arrives.
SLACK: Mapping[str, tuple[SlackResponse, float]] = {
    "429": (SlackResponse.of(429), OFTEN),
    "500": (SlackResponse.of(500), OFTEN),
    "cut before the answer": (SlackResponse(cut="before"), SOMETIMES),
    "cut within the answer": (SlackResponse(cut="middle"), SOMETIMES),
    "hangs": (SlackResponse(delay=HANG), SOMETIMES),
    "drips": (SlackResponse(drip=HANG), SOMETIMES),
    "200 from a proxy": (SlackResponse(body="<html>"), SOMETIMES),
    WAIT_A_DAY: (SlackResponse.of(503, headers={"Retry-After": "86400"}), OFTEN),
    "429, wait 31 years": (SlackResponse.of(429, headers={"Retry-After": "978307200"}), OFTEN),
    "503, wait until 9999": (SlackResponse.of(503, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}), OFTEN),
    TARPIT: (SlackResponse(body="x" * 6_000, drip=TARPIT_DRIP, whole=True), OFTEN),
    "redirect": (SlackResponse.of(302, headers={"Location": "http://127.0.0.1:1/"}), RARELY),
    "403": (SlackResponse.of(403), RARELY),
    "404": (SlackResponse.of(404), RARELY),
    "410": (SlackResponse.of(410), RARELY),
}
# Responses of something between: it may have passed the message on, and in half of the cases it has.
BETWEEN: Mapping[str, SlackResponse] = {
    "103 from a proxy": SlackResponse(103, ""),
    "OK from a proxy": SlackResponse(body="OK"),
    "202 from a proxy": SlackResponse(202, "ok"),
}
BETWEEN_PROBABILITY = SOMETIMES
# Answers of Slack's Web API to the bot. Where it "executes", and where the answer is cut or late, the message is there.
WEB: Mapping[str, tuple[ApiResponse, float]] = {
    "ratelimited": (ApiResponse("ratelimited", 429, 1), OFTEN),
    "ratelimited, wait a day": (ApiResponse("ratelimited", 429, 86_400), SOMETIMES),
    "500": (ApiResponse(status=500), OFTEN),
    "service_unavailable": (ApiResponse("service_unavailable", 503), SOMETIMES),
    "internal_error": (ApiResponse("internal_error"), SOMETIMES),
    "fatal_error of what was done": (ApiResponse("fatal_error", executes=True), SOMETIMES),
    "cut before the answer": (ApiResponse(cut="before"), SOMETIMES),
    "cut within the answer": (ApiResponse(cut="middle"), SOMETIMES),
    "hangs": (ApiResponse(delay=HANG), SOMETIMES),
    "drips": (ApiResponse(drip=HANG), SOMETIMES),
    "not_in_channel": (ApiResponse("not_in_channel"), RARELY),
}
WITHHELD = "events: late"
CONNECTION_REFUSED = "slack: connection refused"

_REQUEST = {"status": 400}
_SERVER = {"status": 500}
_ONCE = {"times": 1, "probability": SOMETIMES}
AWS: Mapping[str, Mapping[str, Any]] = {
    "email: throttled": {"action": "ses:SendEmail", "error": "TooManyRequestsException", "status": 429},
    "email: 500": {"action": "ses:SendEmail", "error": "InternalServiceErrorException", **_SERVER},
    "email: rejected": {"action": "ses:SendEmail", "error": "MessageRejected", "probability": RARELY},
    "email: hangs": {"action": "ses:SendEmail", "delay": HANG, "probability": SOMETIMES},
    "email: cut before": {"action": "ses:SendEmail", "cut": "before", "probability": SOMETIMES},
    "email: cut after": {"action": "ses:SendEmail", "cut": "after", "probability": SOMETIMES},
    "email: killed before": {"action": "ses:SendEmail", "kill": "before", **_ONCE},
    "email: killed after": {"action": "ses:SendEmail", "kill": "after", **_ONCE},
    "sns: throttled": {"action": "sns:Publish", "error": "Throttled", "status": 429},
    "sns: KMS throttled": {"action": "sns:Publish", "error": "KMSThrottling", **_REQUEST},
    "sns: 500": {"action": "sns:Publish", "error": "InternalError", **_SERVER},
    "sns: no such topic": {"action": "sns:Publish", "error": "NotFound", "status": 404, "probability": RARELY},
    "sns: hangs": {"action": "sns:Publish", "delay": HANG, "probability": RARELY},
    "sns: cut before": {"action": "sns:Publish", "cut": "before", "probability": SOMETIMES},
    "sns: cut after": {"action": "sns:Publish", "cut": "after", "probability": SOMETIMES},
    "sns: killed before": {"action": "sns:Publish", "kill": "before", **_ONCE},
    "sns: killed after": {"action": "sns:Publish", "kill": "after", **_ONCE},
    "ledger: throttled": {"action": "dynamodb:UpdateItem", "error": "ProvisionedThroughputExceededException"},
    "ledger: down": {"action": "dynamodb:UpdateItem", "error": "InternalServerError", **_SERVER, "probability": 1.0},
    "ledger: cut before": {"action": "dynamodb:UpdateItem", "cut": "before", "probability": SOMETIMES},
    "ledger: cut after": {"action": "dynamodb:UpdateItem", "cut": "after", "probability": SOMETIMES},
    "ledger: killed before": {"action": "dynamodb:UpdateItem", "kill": "before", **_ONCE},
    "ledger: killed after": {"action": "dynamodb:UpdateItem", "kill": "after", **_ONCE},
    "ledger: digest cut after": {"action": "dynamodb:TransactWriteItems", "cut": "after"},
    "ledger: digest killed before": {"action": "dynamodb:TransactWriteItems", "kill": "before", **_ONCE},
    "ledger: no rows": {"action": "dynamodb:BatchGetItem", "error": "ProvisionedThroughputExceededException"},
    "ledger: no receipt": {"action": "dynamodb:GetItem", "error": "InternalServerError", **_SERVER},
    "ledger: rows killed before": {"action": "dynamodb:BatchGetItem", "kill": "before", **_ONCE},
    "secret: down": {"action": "ssm:GetParameter", "error": "ThrottlingException"},
    "secret: missing": {"action": "ssm:GetParameter", "error": "ParameterNotFound"},
    "children: denied": {"action": "batch:ListJobs", "error": "AccessDeniedException", "status": 403},
    "children: slow": {"action": "batch:ListJobs", "delay": HANG},
    "tickets: refused": {"action": "sqs:SendMessage", "error": "InternalError", **_SERVER},
    "tickets: cut after": {"action": "sqs:SendMessage", "cut": "after", "probability": SOMETIMES},
    "tickets: killed after": {"action": "sqs:SendMessage", "kill": "after", **_ONCE},
}
# By how many of the function's hours its clock is ahead; only in processes that start while the fault lasts.
CLOCKS: Mapping[str, int] = {"clock: an hour ahead": 1, "clock: an hour behind": -1}
