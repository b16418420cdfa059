"""An AWS whose every text is hostile: what a message, a channel, a name or an error may hold at the worst."""

from __future__ import annotations

import io
import json
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from batchbell.testing import FaultyServer, Request, Response
from batchbell.wire import HEALTH_KEY, Column, Variable

ACCOUNT = "123456789012"
JOB = "4c7599ae-0a82-49aa-ba5a-4727fcce14a8"
# A title of the window, a link, a hidden text, C1 controls, a line of its own, a mark of direction, a surrogate.
HOSTILE = (
    "x\x1b]0;owned\x07\x1b]2;owned\x1b\\\x1b]8;;https://evil.example\x1b\\y\x1b[8mhidden\x9d0;owned\x9c\x9b8m"
    "\nFORGED: all is well\r\u2028\u202egnp\u2066\x00\x08\x7f\ud800[red]z[/red]"
)


class HostileAws(FaultyServer):
    """Answers what the operators' commands ask for. `refuses`: answers with an error instead."""

    def __init__(self, stopped: threading.Event) -> None:
        super().__init__(0, self._answer, stopped.wait)
        self.refuses = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def queue(self, name: str) -> str:
        return f"{self.url}/{ACCOUNT}/{name}"

    def _answer(self, request: Request) -> Response:
        if urlsplit(request.path).path == "/package":
            # Zip archives hold bytes, and so do the bodies of these responses.
            return Response(200, self._package().decode("utf-8", "surrogateescape"))
        if self.refuses:
            error = {"__type": "AccessDenied", "Code": "AccessDenied", "message": HOSTILE, "Message": HOSTILE}
            return Response(403, json.dumps(error), {"x-amzn-ErrorType": "AccessDenied"})
        target = request.headers.get("x-amz-target", "").rpartition(".")[2]
        batch = request.path.startswith("/v1/")
        asked = json.loads(request.body) if target or batch else {}
        if batch:
            return Response(200, json.dumps(_of_batch(request.path, asked)))
        return Response(200, json.dumps(self._result(target, asked, request.path)))

    def _result(self, operation: str, asked: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        match operation:
            case "GetQueueAttributes":
                name = asked["QueueUrl"].rpartition("/")[2]
                counts = dict.fromkeys(("", "NotVisible", "Delayed"), "3")
                numbers = {f"ApproximateNumberOfMessages{kind}": number for kind, number in counts.items()}
                return {"Attributes": {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}", **numbers}}
            case "GetQueueUrl":
                return {"QueueUrl": self.queue(asked["QueueName"])}
            case "ReceiveMessage":
                return {"Messages": _dead_letters()}
            case "ListMessageMoveTasks":
                task = {"Status": "FAILED", "StartedTimestamp": time.time_ns(), "FailureReason": HOSTILE}
                return {"Results": [task | {"TaskHandle": HOSTILE}]}
            case "StartMessageMoveTask":
                return {"TaskHandle": HOSTILE}
            case "ListRuleNamesByTarget":
                return {"RuleNames": [HOSTILE]}
            case "DescribeRule":
                return {"EventPattern": json.dumps({"source": ["aws.batch", HOSTILE]})}
            case "SendMessage":
                return {"MessageId": HOSTILE, "MD5OfMessageBody": "0"}
            case "Query":
                return {"Items": _rows(asked)}
            case "":
                return self._function(path)
        return {}

    def _function(self, path: str) -> Mapping[str, Any]:
        if "event-source-mappings" in path:
            arns = [f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}" for name in ("intake", "retry")]
            return {"EventSourceMappings": [{"EventSourceArn": arn, "State": "Enabled"} for arn in arns]}
        variables = {
            Variable.RETRY_QUEUE_URL: self.queue("retry"),
            Variable.DEAD_LETTER_QUEUE_URL: self.queue("dead"),
            Variable.LEDGER_TABLE: "ledger",
        }
        configuration = {"FunctionName": HOSTILE, "Environment": {"Variables": variables}}
        return {"Configuration": configuration, "Code": {"Location": f"{self.url}/package"}}

    def _package(self) -> bytes:
        entry = {"name": HOSTILE, "module": "x", "statuses": [], "jobs": [], "digest_after": 0}
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("manifest.json", json.dumps({"instances": [entry | {"settings": {}, "secrets": {}}]}))
        return package.getvalue()


def _of_batch(path: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    match path:
        case "/v1/describejobs":
            return {"jobs": [_job(id_) for id_ in asked["jobs"]]}
        case "/v1/describejobdefinitions":
            return {"jobDefinitions": [{"status": "ACTIVE", "jobDefinitionName": HOSTILE}]}
        case "/v1/listjobs" if "arrayJobId" in asked:
            reasons = {0: HOSTILE, 1: "Dependent Job failed" + HOSTILE}
            container = {"exitCode": 1, "reason": HOSTILE}
            return {
                "jobSummaryList": [
                    {"jobId": HOSTILE, "statusReason": reason, "arrayProperties": {"index": n}, "container": container}
                    for n, reason in reasons.items()
                ]
            }
        case "/v1/listjobs":
            return {
                "jobSummaryList": [{"jobId": f"{HOSTILE}{n}", "jobName": HOSTILE, "createdAt": 9} for n in range(2)]
            }
    return {"jobId": HOSTILE, "jobArn": f"arn:aws:batch:us-east-1:{ACCOUNT}:job/{HOSTILE}", "jobName": HOSTILE}


def _job(id_: str) -> Mapping[str, Any]:
    return {
        "jobId": id_,
        "jobArn": HOSTILE,
        "jobName": HOSTILE,
        "jobQueue": HOSTILE,
        "jobDefinition": HOSTILE,
        "status": HOSTILE,
        "createdAt": 1,
        "arrayProperties": {"size": 3, "statusSummary": {HOSTILE: 1}},
        "container": {"command": [HOSTILE], "environment": [{"name": HOSTILE, "value": HOSTILE}]},
        "parameters": {HOSTILE: f"Ref::{HOSTILE}"},
        "dependsOn": [{"jobId": HOSTILE, "type": HOSTILE}, {"jobId": JOB}],
        "tags": {f"aws:{HOSTILE}": HOSTILE, HOSTILE: HOSTILE},
    }


def _dead_letters() -> list[Mapping[str, Any]]:
    message = {"key": f"arn:{HOSTILE}#FAILED", "job_name": HOSTILE, "status": HOSTILE}
    ticket = {"ticket": 1, "message": message, "notifier": HOSTILE, "reason": HOSTILE, "first_tried": 1.0, "died": 2.0}
    event = {"detail": {"jobName": HOSTILE, "jobId": HOSTILE, "status": HOSTILE}}
    bodies = (ticket, event, {"unreadable": 1, "reason": HOSTILE, "record": event})
    return [
        {
            "MessageId": str(uuid.uuid4()),
            "ReceiptHandle": "x",
            "Body": json.dumps(body),
            "Attributes": {"SentTimestamp": "1"},
        }
        for body in bodies
    ]


def _rows(asked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    values = [value["S"] for value in asked["ExpressionAttributeValues"].values()]
    if "IndexName" in asked:
        return []
    row: dict[str, Any] = {Column.NOTIFIER: {"S": HOSTILE}, Column.REASON: {"S": HOSTILE}}
    if HEALTH_KEY in values:
        return [row | {Column.SINCE: {"N": "1"}}]
    return [row | {Column.RESULT: {"S": "permanent"}, Column.TRIED: {"N": str(time.time())}}]
