"""A person who deploys with the policies of docs/permissions.md, or with some of their statements."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Resource
from batchbell_local.pulumi.resources import TABLE, Clients, Inputs, schema
from tests.judges.iam_documents import policy

REFUSALS = ("AccessDenied", "UnauthorizedOperation", "AuthorizationError", "not authorized")
GENERATED = re.compile(r"(.*-)(?:[0-9a-f]{7}|[0-9]{26}|[0-9a-f]{26})")  # a name that Pulumi or Terraform made
OUR_TAG = "batchbell"


@dataclass(frozen=True)
class Deployer:
    """A user of the account. environment: the variables with the user's credentials."""

    cloud: LocalCloud
    user: str
    environment: Mapping[str, str]
    statements: Sequence[Mapping[str, Any]]

    @classmethod
    def create(cls, cloud: LocalCloud, stack: str, headings: Sequence[str]) -> Deployer:
        """Make a user with the policies under these headings; the environment has the stack's name."""
        names = {"REGION": cloud.region, "ACCOUNT": cloud.account_id, "PROJECT": "batchbell"}
        names |= {"STACK": stack, "PREFIX": f"{stack}-bell", "ENVIRONMENT": stack}
        documents = [policy(one, names).content for one in headings]
        iam, user = cloud.client("iam"), f"deployer-of-{stack}"
        iam.create_user(UserName=user)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        statements = [statement for one in documents for statement in one["Statement"]]
        found = cls(cloud, user, {**cloud.environment(), **credentials}, statements)
        found.allow(statements)
        return found

    def allow(self, statements: Sequence[Mapping[str, Any]]) -> None:
        """Allow these statements and no other."""
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.cloud.client("iam").put_user_policy(UserName=self.user, PolicyName="deploy", PolicyDocument=document)

    def clients(self, monkeypatch: pytest.MonkeyPatch) -> Clients:
        for variable, value in self.environment.items():
            monkeypatch.setenv(variable, value)
        return Clients()


class Owner(Clients):
    """The clients of the account's owner, with which a test repairs what a refused request left."""

    def __call__(self, service: str) -> Any:
        return self.of_owner(service)


@dataclass
class Life:
    """A resource that is created, read, changed and deleted, as Pulumi would.

    One with a generated name is a copy of the stack's own, one whose name is given is the stack's own. Afterwards the
    stack has all that it had.
    """

    resource: Resource
    inputs: Inputs
    clients: Clients
    owner: Owner

    @classmethod
    def of(cls, resource: Resource, clients: Clients, owner: Owner, tag: str, **more: Any) -> Life:
        """`more`: inputs that reading a resource does not give, or others than it has."""
        found = TABLE[resource.type].read(resource.id, owner)
        assert found is not None, resource
        inputs = {**found[0], **more}
        if "tagsAll" in schema.output_names(resource.type):
            inputs["tags"] = {OUR_TAG: tag}
        return cls(resource, inputs, clients, owner)

    def live(self) -> None:
        """Raise AWS's error if a request is refused."""
        kind, inputs, id = TABLE[self.resource.type], dict(self.inputs), self.resource.id
        generated = GENERATED.fullmatch(str(inputs.get(kind.auto_name or "", "")))
        if generated and kind.auto_name:
            inputs[kind.auto_name] = f"{generated[1]}{secrets.token_hex(4)[:7]}"
            with self._removed(inputs) as made:
                self._rest_of_life(made, inputs)
            return
        with self._restored(inputs):
            kind.delete(id, {**inputs}, self.clients)
            made = [kind.create(inputs, self.clients)[0]]
            self.resource = Resource(self.resource.type, self.resource.name, made[0])
            self._change(made[0], inputs)

    def end(self) -> None:
        """Delete the stack's own resource."""
        TABLE[self.resource.type].delete(self.resource.id, self.inputs, self.clients)

    def exists(self) -> bool:
        return TABLE[self.resource.type].read(self.resource.id, self.owner) is not None

    def _rest_of_life(self, made: list[str], inputs: Inputs) -> None:
        kind = TABLE[self.resource.type]
        made.append(kind.create(inputs, self.clients)[0])
        self._change(made[0], inputs)
        kind.delete(made[0], inputs, self.clients)

    def _change(self, id: str, inputs: Inputs) -> None:
        kind = TABLE[self.resource.type]
        if self.resource.type != "aws:cloudwatch/eventTarget:EventTarget":
            kind.read(id, self.clients)
        changed = {**inputs, "tags": {**inputs["tags"], "team": "data"}} if "tags" in inputs else inputs
        kind.update(id, inputs, changed, self.clients)
        kind.update(id, changed, inputs, self.clients)

    @contextlib.contextmanager
    def _removed(self, inputs: Inputs) -> Iterator[list[str]]:
        kind, made = TABLE[self.resource.type], list[str]()
        try:
            yield made
        finally:
            for id in made:
                kind.delete(id, inputs, self.owner)

    @contextlib.contextmanager
    def _restored(self, inputs: Inputs) -> Iterator[None]:
        kind = TABLE[self.resource.type]
        try:
            yield
        finally:
            if kind.read(self.resource.id, self.owner) is None:
                id, _ = kind.create(inputs, self.owner)
                self.resource = Resource(self.resource.type, self.resource.name, id)


def is_refusal(error: Exception) -> bool:
    """Whether AWS refused a request for lack of permission."""
    if isinstance(error, botocore.exceptions.ClientError):
        return any(text in str(error) for text in REFUSALS)
    return "not authorized" in str(error)
