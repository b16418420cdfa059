"""The table behind test_channel_faults.py: what fails at which channel, and the expected results.

Sources: Slack's "Sending messages using incoming webhooks"; SES API v2 reference, "SendEmail"; SNS API reference,
"Publish". Each fault hits one attempt: at the next one the channel works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchbell_local.slack.sink import SlackResponse
from tests.waiting import FACTOR

CHANNELS = ("slack", "email", "sns")
ACTIONS = {"email": "ses:SendEmail", "sns": "sns:Publish"}
PAGE = "<html>a proxy's page</html>"
NO_MESSAGE = "<PublishResponse><PublishResult/></PublishResponse>"
HANGS = 20.0  # s; longer than any caller waits
ELSEWHERE = "where a redirect leads"  # the test replaces it by an address that would accept the message

# The messages that the channel has accepted in the end: for each, whether it is marked as a possible repeat.
NOTHING: tuple[bool, ...] = ()
ONCE = (False,)
MARKED = (True,)  # nothing had arrived before, which the sender cannot know
TWICE = (False, True)  # only the answer was lost: the one duplicate that is allowed


@dataclass(frozen=True, eq=False)  # compared by identity
class FaultCase:
    """A fault and its expected results.

    first: the first attempt's result in the log
    accepted: the accepted messages in the end, as above
    reason: regular expression for the reason in the log, and for "permanent" in the dead letter
    fault: Slack's answer, or the arguments of `LocalCloud.fail`
    pause: seconds for which nothing is sent to the channel
    """

    channel: str
    what: str
    first: str
    accepted: tuple[bool, ...]
    reason: str
    fault: Any = field(default_factory=dict)
    pause: float = 0.0

    @property
    def title(self) -> str:
        return f"{self.channel}: {self.what}"


def slack(
    what: str, answer: SlackResponse, first: str, accepted: tuple[bool, ...], reason: str, pause: float = 0
) -> FaultCase:
    return FaultCase("slack", what, first, accepted, reason, answer, pause)


def email(what: str, first: str, accepted: tuple[bool, ...], reason: str, **fault: Any) -> FaultCase:
    return FaultCase("email", what, first, accepted, reason, fault)


def sns(what: str, first: str, accepted: tuple[bool, ...], reason: str, **fault: Any) -> FaultCase:
    return FaultCase("sns", what, first, accepted, reason, fault)


def error(code: str, status: int = 400) -> Mapping[str, Any]:
    return {"error": code, "status": status}


# The function gives up, or the caller, whose limits do not follow the function's time-out.
NO_ANSWER = "no answer in time" if FACTOR == 1 else "no (whole )?answer|ReadTimeout"

# Faults that end at once: their jobs may share a batch.
QUICK = (
    slack("429, waited out", SlackResponse.of(429, headers={"Retry-After": "1"}), "sent", ONCE, "", 1),
    slack(
        "429, asks for long",
        SlackResponse.of(429, headers={"Retry-After": "5"}),
        "temporary",
        ONCE,
        "answered 429",
        5,
    ),
    slack("429, no time", SlackResponse.of(429, headers={}), "temporary", ONCE, "answered 429"),
    slack("500", SlackResponse.of(500), "temporary", ONCE, "answered 500 rollup_error"),
    slack("503", SlackResponse.of(503, body=PAGE), "temporary", ONCE, "answered 503$"),
    slack("reset within the answer", SlackResponse(cut="middle"), "unknown", TWICE, "gave no answer"),
    slack("reset before the answer", SlackResponse(cut="before"), "unknown", TWICE, "gave no answer"),
    slack("reset, nothing accepted", SlackResponse.of(500, cut="before"), "unknown", MARKED, "gave no answer"),
    slack(
        "200 of a proxy", SlackResponse.of(200, body=PAGE), "permanent", NOTHING, "200 instead of ok: perhaps a proxy"
    ),
    slack("200, empty", SlackResponse.of(200, body=""), "permanent", NOTHING, "200 instead of ok: perhaps a proxy"),
    slack("307", SlackResponse(307, "", {"Location": ELSEWHERE}), "permanent", NOTHING, "answered 307: redirected"),
    slack("302", SlackResponse(302, "", {"Location": ELSEWHERE}), "permanent", NOTHING, "answered 302: redirected"),
    slack("403", SlackResponse.of(403), "permanent", NOTHING, "^Slack answered 403 action_prohibited$"),
    slack("404", SlackResponse.of(404), "permanent", NOTHING, "^Slack answered 404 no_service$"),
    slack("410", SlackResponse.of(410), "permanent", NOTHING, "^Slack answered 410 channel_is_archived$"),
    email("throttled", "temporary", ONCE, "TooManyRequestsException", **error("TooManyRequestsException", 429)),
    email("throttled by the gateway", "temporary", ONCE, "ThrottlingException", **error("ThrottlingException")),
    email("over its quota", "temporary", ONCE, "LimitExceededException", **error("LimitExceededException")),
    email("500", "temporary", ONCE, "InternalFailure", **error("InternalFailure", 500)),
    email("rights lag", "temporary", ONCE, "AccessDenied.*made to fail", **error("AccessDeniedException", 403)),
    email("rejected", "permanent", NOTHING, r"MessageRejected \(400\)", **error("MessageRejected")),
    email("sender", "permanent", NOTHING, "MailFromDomainNot", **error("MailFromDomainNotVerifiedException")),
    email("suspended", "permanent", NOTHING, "AccountSuspended", **error("AccountSuspendedException")),
    email("paused", "permanent", NOTHING, "SendingPaused", **error("SendingPausedException")),
    email("404", "permanent", NOTHING, "NotFoundException", **error("NotFoundException", 404)),
    email("403 of a proxy", "temporary", ONCE, r"SES: refused \(403\)", status=403, body=PAGE),
    email("410 of a proxy", "temporary", ONCE, r"SES: refused \(410\)", status=410, body=PAGE),
    email("307", "temporary", ONCE, r"SES: refused \(307\)", status=307, location=ELSEWHERE, body=PAGE),
    email("200 of a proxy", "unknown", MARKED, "names no message", status=200, body=PAGE),
    email("200, empty object", "unknown", MARKED, "names no message", status=200, body="{}"),
    email("reset within the answer", "unknown", TWICE, "ConnectionClosedError", cut="after"),
    email("reset, nothing accepted", "unknown", MARKED, "ConnectionClosedError", cut="before"),
    sns("throttled", "temporary", ONCE, "SNS: Throttled", **error("Throttled", 429)),
    sns("throttled by the gateway", "temporary", ONCE, "SNS: Throttling", **error("Throttling")),
    sns("KMS throttled", "temporary", ONCE, "SNS: KMSThrottling", **error("KMSThrottling")),
    sns("KMS denied", "temporary", ONCE, "SNS: KMSAccessDenied", **error("KMSAccessDenied")),
    sns("500", "temporary", ONCE, "SNS: InternalError", **error("InternalError", 500)),
    sns("rights lag", "temporary", ONCE, "AuthorizationError.*made to fail", **error("AuthorizationError", 403)),
    sns("404", "permanent", NOTHING, "SNS: NotFound", **error("NotFound", 404)),
    sns("message refused", "permanent", NOTHING, "SNS: InvalidParameter", **error("InvalidParameter")),
    sns("403 of a proxy", "temporary", ONCE, r"SNS: refused \(403\)", status=403, body=PAGE),
    sns("410 of a proxy", "temporary", ONCE, r"SNS: refused \(410\)", status=410, body=PAGE),
    sns("307", "temporary", ONCE, r"SNS: refused \(307\)", status=307, location=ELSEWHERE, body=PAGE),
    sns("200 of a proxy", "unknown", MARKED, "gave no answer", status=200, body=PAGE),
    sns("200, another document", "unknown", MARKED, "gave no answer", status=200, body="<a><b>c</b></a>"),
    sns("200, no message", "unknown", MARKED, "names no message", status=200, body=NO_MESSAGE),
    sns("reset within the answer", "unknown", TWICE, "ConnectionClosedError", cut="after"),
    sns("reset, nothing accepted", "unknown", MARKED, "ConnectionClosedError", cut="before"),
)

# The channel's port is closed for a while.
REFUSED = (
    slack("connection refused", SlackResponse(), "temporary", ONCE, "ConnectionError"),
    email("connection refused", "temporary", ONCE, "cannot be reached"),
    sns("connection refused", "temporary", ONCE, "cannot be reached"),
)

# Faults that use up all the time for sends: each needs a process of its own, whose other channels work.
READ_TIME_OUTS = (
    slack("read time-out", SlackResponse(delay=HANGS), "unknown", TWICE, NO_ANSWER),
    email("read time-out", "unknown", MARKED, NO_ANSWER, delay=HANGS, cut="before"),
    sns("read time-out", "unknown", MARKED, NO_ANSWER, delay=HANGS, cut="before"),
)
DRIPS = (
    slack("answer drips in", SlackResponse(drip=HANGS), "unknown", TWICE, NO_ANSWER),
    email("answer drips in", "unknown", TWICE, NO_ANSWER, drip=0.5),
    sns("answer drips in", "unknown", TWICE, NO_ANSWER, drip=0.5),
)

ALL = (*QUICK, *REFUSED, *READ_TIME_OUTS, *DRIPS)
