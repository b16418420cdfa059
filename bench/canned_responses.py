"""Canned responses of AWS and Slack to the calls of a function, as they are when nothing fails."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchbell_local.faults import identify

PUBLISHED = b"""<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>\
<MessageId>0</MessageId></PublishResult></PublishResponse>"""
SLACK_PATH = "/services/T0BENCH/B0BENCH/bench"
SLACK = "slack"  # the one action that is not an AWS action
SENDS = (SLACK, "ses:SendEmail", "sns:Publish")
PAGE = 1_000  # children in one ListJobs response (AWS Batch API reference)


class UnexpectedCall(Exception):
    """A call that the function should not make; the text says which."""


def read_action(path: str, headers: Mapping[str, str], body: bytes) -> str:
    """Identify the action of a request: as IAM names it, or "slack".

    path: the request's path
    headers: with names in lower case
    body: the request's body

    Raises UnexpectedCall.
    """
    action = SLACK if path == SLACK_PATH else identify(path, headers, body.decode("utf-8", "replace"))[0]
    if not action:
        raise UnexpectedCall(f"{path} {headers.get('x-amz-target', '')}")
    return action


@dataclass(frozen=True)
class CannedResponses:
    """Responds to any call that the function makes.

    webhook: the secret that SSM returns
    failed: summaries of the failed children, for ListJobs
    """

    webhook: str = ""
    failed: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    def respond(self, action: str, body: bytes) -> bytes:
        """Return the response's body. Raises UnexpectedCall."""
        if action == SLACK:
            return b"ok"
        if action == "sns:Publish":
            return PUBLISHED
        return json.dumps(self._json(action, json.loads(body))).encode()

    def _json(self, action: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        match action:
            case "dynamodb:UpdateItem" | "dynamodb:TransactWriteItems":
                return {}
            case "ssm:GetParameter":
                # Apprise's URL of the same address: its service "JSON" posts to any.
                is_apprise = str(request["Name"]).endswith("/apprise")
                url = self.webhook.replace("https://", "jsons://") if is_apprise else self.webhook
                return {"Parameter": {"Name": request["Name"], "Type": "SecureString", "Value": url}}
            case "ses:SendEmail":
                return {"MessageId": "0"}
            case "sqs:SendMessageBatch":
                return {"Successful": [{"Id": one["Id"], "MessageId": "0"} for one in request["Entries"]], "Failed": []}
            case "batch:ListJobs":
                start = int(request.get("nextToken", 0))
                rest = {"nextToken": str(start + PAGE)} if start + PAGE < len(self.failed) else {}
                return {"jobSummaryList": self.failed[start : start + PAGE], **rest}
            case "batch:DescribeJobs":
                return {"jobs": [_describe(job) for job in request["jobs"]]}
        raise UnexpectedCall(action)


def _describe(job_id: str) -> Mapping[str, Any]:
    return {"jobId": job_id, "container": {"logStreamName": f"render/default/{job_id.rpartition(':')[2]}"}}
