"""A stack that `__main__.py` creates in a cloud with local AWS's resource types, and that is read back and deleted."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchbell import stack_files
from batchbell_local.pulumi.monitor import EngineLog, ResourceMonitor
from batchbell_local.pulumi.naming import Naming
from batchbell_local.pulumi.redaction import Redaction
from batchbell_local.pulumi.resources import TABLE, Clients
from batchbell_local.pulumi.resources.property_values import Properties
from tests.judges.provider_answers import Place, resource_answer
from tests.judges.registered import PROJECT, SECRETS, run_program

Adapt = Callable[[str, dict[str, Any]], dict[str, Any]]  # a type and its inputs → what this cloud needs

# What each cloud makes up. What is left of an id shows its form.
MADE_UP = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"-[0-9a-f]{7}\b", "-GENERATED"),
    (r"\b[0-9a-f]{26}\b", "GENERATED"),
    (r"\b(sg|lt|vpc|subnet)-[0-9a-f]{8,17}\b", r"\1-ID"),
    (r"\b(AROA|AIPA)[0-9A-Z]{17}\b", r"\1ID"),
    (r"https?://[\w.]+:\d+", "ENDPOINT"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "TIME"),
    (r'("codeSha256": )"[\w+/=]{44}"', r'\1"DIGEST"'),
    (r'("sourceCodeSize": )\d+', r'\1"SIZE"'),
    (r'"subnet-ID"(, "subnet-ID")+', '"subnet-ID"'),
)


@dataclass(frozen=True)
class Played:
    """What a cloud answered, by type and logical name.

    refused: the error code for what was not created
    properties: what was read back, by the property's path; what each cloud makes up is replaced
    left: what was still there after it was deleted
    """

    refused: Mapping[tuple[str, str], str]
    properties: Mapping[tuple[str, str], Mapping[str, str]]
    left: tuple[tuple[str, str], ...]


class Cloud:
    """A cloud that boto3 finds by `variables`."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        with self.in_use():
            self.clients = Clients()

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Let boto3 find this cloud, and no other."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in self._variables.items():
                patch.setenv(name, value)
            yield


def play(config: Mapping[str, Any], stack: str, cloud: Cloud, *, adapt: Adapt = lambda _, inputs: inputs) -> Played:
    """Create the stack, read every resource, delete all in reverse order, and look whether something is left."""
    with cloud.in_use():
        return _play(config, stack, cloud.clients, adapt)


def _play(config: Mapping[str, Any], stack: str, clients: Clients, adapt: Adapt) -> Played:
    values = stack_files.load(PROJECT, stack, config, SECRETS)
    naming = Naming.from_config(values.project, stack, values.values)
    monitor = _Monitor(values.project, stack, naming, clients, adapt)
    run_program(values, stack, monitor, EngineLog(Redaction()))
    found = {(type_, name): _read(type_, id, clients) for type_, name, id in monitor.created}
    for type_, _, id in reversed(monitor.created):
        there = TABLE[type_].read(id, clients)
        TABLE[type_].delete(id, there[1] if there else {}, clients)
    left = [(type_, name) for type_, name, id in monitor.created if TABLE[type_].read(id, clients) is not None]
    properties = {key: dict(_paths(json.loads(_replaced(value, stack)))) for key, value in found.items()}
    return Played(monitor.refused, properties, tuple(left))


def _read(type_: str, id: str, clients: Clients) -> str:
    found = TABLE[type_].read(id, clients)
    return json.dumps(found[1] if found else None, sort_keys=True, default=str)


def _replaced(text: str, stack: str) -> str:
    for pattern, replacement in ((re.escape(stack), "STACK"), *MADE_UP):
        text = re.sub(pattern, replacement, text)
    return text


def _paths(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Return the properties by path; a text that is a JSON object is one, too."""
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _paths(item, f"{path}.{name}" if path else name)
    else:
        yield path, json.dumps(value)


class _Monitor(ResourceMonitor):
    """Goes on after a refusal, as if the resource had been created, so that one does not hide the next."""

    def __init__(self, project: str, stack: str, naming: Naming, clients: Clients, adapt: Adapt) -> None:
        super().__init__(project, stack, naming, clients, Redaction(), self._keep)
        self._adapt = adapt
        self.created: list[tuple[str, str, str]] = []
        self.refused: dict[tuple[str, str], str] = {}

    def _keep(self, event: Mapping[str, Any]) -> None:
        if made := event.get("created"):
            self.created.append((made["type"], made["name"], made["id"]))

    def _create(self, type_: str, name: str, properties: Properties) -> tuple[str, dict[str, Any]]:
        adapted = Properties(self._adapt(type_, properties.values), properties.secret)
        try:
            return super()._create(type_, name, adapted)
        except ClientError as error:
            self.refused[type_, name] = str(error.response["Error"]["Code"])
            id, computed = resource_answer(
                type_, name, properties.values, Place("aws", self._clients.region), self._naming
            )
            return id, {**properties.values, **computed}
