from __future__ import annotations

import io
import json
import sys
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud

TRUST_LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group"


class DeployedFunction:
    """A function in a local cloud, with its own role."""

    def __init__(self, cloud: LocalCloud, name: str, log_group: str) -> None:
        self.name = name
        self.log_group = log_group
        self._cloud = cloud

    def allow(self, *statements: dict[str, Any]) -> None:
        """Replace what the last call or `deploy` allowed its role by these statements."""
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        iam = self._cloud.client("iam")
        iam.put_role_policy(RoleName=self.name, PolicyName="own", PolicyDocument=json.dumps(policy))

    def invoke(self, event: Any = None) -> Any:
        """Invoke it; return the handler's result, or AWS's error object."""
        answer = self._cloud.client("lambda").invoke(FunctionName=self.name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def start(self, event: Any = None) -> None:
        payload = json.dumps(event)
        self._cloud.client("lambda").invoke(FunctionName=self.name, InvocationType="Event", Payload=payload)

    def log_lines(self) -> list[str]:
        events = self._cloud.client("logs").filter_log_events(logGroupName=self.log_group)["events"]
        return [event["message"] for event in events]


class Deploy:
    """Deploys a source file with a `handler`, and `files`; its role may only log and do what `statements` allow."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def __call__(
        self,
        source: str,
        *,
        statements: Sequence[dict[str, Any]] = (),
        variables: dict[str, str] | None = None,
        timeout: int = 10,
        runtime: str = "",
        log_group: str = "",
        may_log: bool = True,
        files: Mapping[str, str] | None = None,
        on: LocalCloud | None = None,
    ) -> DeployedFunction:
        target = on or self._cloud
        name = f"function-{uuid.uuid4().hex[:8]}"
        group = log_group or f"/aws/lambda/{name}"
        if may_log:
            actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
            statements = [*statements, {"Effect": "Allow", "Action": actions, "Resource": f"{LOGS}:{group}:*"}]
        iam = target.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_LAMBDA))["Role"]
        function = DeployedFunction(target, name, group)
        if statements:
            function.allow(*statements)
        target.client("lambda").create_function(
            FunctionName=name,
            Runtime=runtime or f"python{sys.version_info.major}.{sys.version_info.minor}",
            Role=role["Arn"],
            Handler="app.handler",
            Code={"ZipFile": zip_of({"app.py": source, **(files or {})})},
            Timeout=timeout,
            Environment={"Variables": variables or {}},
            **({"LoggingConfig": {"LogGroup": log_group}} if log_group else {}),
        )
        return function


@pytest.fixture(scope="session")
def deploy(cloud: LocalCloud) -> Deploy:
    return Deploy(cloud)


def zip_of(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()
