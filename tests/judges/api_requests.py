"""The requests to AWS that create a recorded stack.

boto3's real clients make them, called by local AWS's resource types. Nothing is sent: each request is kept, and
answered from the service model's output shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import ClientError, ParamValidationError
from botocore.loaders import Loader, create_loader
from botocore.model import OperationModel, Shape

from batchbell_local.pulumi.resources import TABLE, Clients
from tests.judges.provider_answers import ACCOUNT, Place
from tests.judges.registered import Registered

CREATING = ("Create", "Put", "Register", "Add", "Attach", "Authorize", "Set", "Update", "Enable", "Subscribe", "Tag")
DEPTH = 6  # of a made answer; some shapes contain themselves
GOOD_STATES = ("VALID", "ACTIVE", "Active", "Successful", "SUCCESS")
NOTHING_THERE = {"FailedEntries", "EventSourceMappings", "IpPermissionsEgress"}
ABSENT = {"GetTopicAttributes": "NotFound"}  # what must not exist before it is created


@dataclass(frozen=True)
class ApiRequest:
    """A request: for the resource `place`, to the operation, with boto3's parameters."""

    place: str
    operation: OperationModel
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """boto3 itself refused to make a request for a resource."""

    place: str
    reason: str


class RequestRecorder:
    """Makes the requests for resources. The clients are made once, for one Region."""

    def __init__(self, place: Place) -> None:
        self._clients = _Clients(place)

    def requests(self, resource: Registered) -> list[ApiRequest | Refused]:
        """Return the requests that create the resource; there is none for an explicit provider."""
        if resource.type_token.startswith("pulumi:providers:"):
            return []
        type_ = TABLE[resource.type_token]
        name = {type_.auto_name: resource.outputs[type_.auto_name]} if type_.auto_name else {}
        inputs = {key: value for key, value in resource.inputs.items() if key != f"{type_.auto_name}Prefix"}
        where = f"{resource.type_token.rpartition(':')[2]} {resource.name}"
        self._clients.made, refused = [], []
        try:
            type_.create({**type_.defaults, **inputs, **name}, self._clients)
        except ParamValidationError as error:
            refused = [Refused(where, " ".join(str(error).split()))]
        made = [(operation, parameters) for operation, parameters in self._clients.made if _creates(operation)]
        return [*(ApiRequest(where, operation, parameters) for operation, parameters in made), *refused]


def _creates(operation: OperationModel) -> bool:
    return str(operation.name).startswith(CREATING)


class _Clients(Clients):
    """boto3's clients; they keep each request in `made` instead of sending it."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        session = botocore.session.get_session()
        session.register_component("data_loader", _loader())
        self._session = boto3.Session(botocore_session=session, region_name=place.region)
        self._account = ACCOUNT
        self._place = place
        self.made: list[tuple[OperationModel, Mapping[str, Any]]] = []

    def __call__(self, service: str) -> Any:
        known = service in self._made
        client = super().__call__(service)
        if not known:
            client.meta.events.register("before-parameter-build", self._keep)
            client.meta.events.register("before-call", self._answer)
        return client

    def of_owner(self, service: str) -> Any:
        return self(service)

    def _keep(self, params: Mapping[str, Any], model: OperationModel, **_: Any) -> None:
        self.made.append((model, dict(params)))

    def _answer(self, model: OperationModel, **_: Any) -> tuple[Any, Any]:
        if model.name in ABSENT:
            raise ClientError({"Error": {"Code": ABSENT[model.name]}}, model.name)
        answer = _made_answer(model.output_shape, self._place, "", DEPTH) if model.output_shape else {}
        if model.name == "GetQueueAttributes":
            policy = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage"}}'
            answer["Attributes"] = {"QueueArn": self._place.arn("sqs", "made"), "Policy": policy}
        return _Sent(), answer


@cache
def _loader() -> Loader:
    """Reads the service models, once for all Regions."""
    return create_loader()


class _Sent:
    status_code = 200


def _made_answer(shape: Shape, place: Place, name: str, depth: int) -> Any:
    """Return a value of the shape, which is the member `name` of another one."""
    kind = shape.type_name
    if kind == "structure":
        members = shape.members.items() if depth else ()
        return {key: _made_answer(member, place, key, depth - 1) for key, member in members}
    if kind == "list":
        return [] if name in NOTHING_THERE or not depth else [_made_answer(shape.member, place, name, depth - 1)]
    if kind == "string":
        states = [state for state in GOOD_STATES if state in shape.enum]
        if shape.enum:
            return (states or shape.enum)[0]
        return place.arn("made", "made") if name.lower().endswith("arn") else "made"
    made = {"map": {}, "integer": 1, "long": 1, "float": 1.0, "double": 1.0, "boolean": True, "timestamp": None}
    return made.get(kind)
