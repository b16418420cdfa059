"""Judges every ARN and endpoint in a stack's inputs: the right partition, an existing Region, and a service there.

botocore's list of endpoints says which Regions and services a partition has.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import botocore.session
import regex
from botocore.exceptions import UnknownServiceError

from tests.judges.provider_answers import DNS_SUFFIXES, Place
from tests.judges.registered import Registered
from tests.judges.verdict import Verdict

ARN = regex.compile(
    r"\barn:(?P<partition>[^:\s]*):(?P<service>[^:\s]*):(?P<region>[^:\s]*):(?P<account>[^:\s]*):[^\s\"]+"
)
HOST = regex.compile(r"https?://[\w.-]+\.(amazonaws\.com(?:\.cn)?)\b")
ACCOUNTS = regex.compile(r"\d{12}|aws|")


def judge_arns(resources: Sequence[Registered], place: Place) -> Verdict:
    verdict = Verdict()
    for one in resources:
        for where, text in _texts(one.inputs, f"{one.type_token.rpartition(':')[2]} {one.name}"):
            for match in ARN.finditer(text):
                _judge_arn(match.groupdict(), f"{where}: {match[0]}", place, verdict)
            for match in HOST.finditer(text):
                fits = match[1] == DNS_SUFFIXES[place.partition]
                verdict.check("endpoints", fits, f"{where}: {match[0]} is not in {place.partition}")
    return verdict


def _judge_arn(arn: Mapping[str, str], where: str, place: Place, verdict: Verdict) -> None:
    verdict.check("ARNs", arn["partition"] == place.partition, f"{where}: is not in the partition {place.partition}")
    fits = not arn["region"] or arn["region"] in _regions("ec2", place.partition)
    verdict.check("Regions", fits, f"{where}: {place.partition} has no such Region")
    verdict.check("accounts", ACCOUNTS.fullmatch(arn["account"]) is not None, f"{where}: is not of an account")
    if arn["region"] and fits:
        there = arn["region"] in _regions(arn["service"], place.partition)
        verdict.check("services", there, f"{where}: {arn['region']} has no {arn['service']}")


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Return each text with its place; a text that is JSON is looked into."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{where}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{where}[{number}]")
    elif isinstance(value, str) and value[:1] in ("{", "["):
        yield from _texts(json.loads(value), where)
    elif isinstance(value, str):
        yield where, value


@cache
def _regions(service: str, partition: str) -> frozenset[str]:
    """The Regions with an endpoint of the service."""
    with contextlib.suppress(UnknownServiceError):
        return frozenset(_session().get_available_regions(service, partition_name=partition))
    return frozenset()


@cache
def _session() -> Any:
    return botocore.session.get_session()
