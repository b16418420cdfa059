"""Judges requests by botocore's service models, which AWS writes: enums, patterns, lengths and ranges.

botocore itself checks names, types, required members and minima only.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache
from typing import Any

import regex
from botocore.model import OperationModel, Shape

from tests.judges.api_requests import ApiRequest, Refused
from tests.judges.verdict import Verdict

# SQS takes its attributes as texts, so that their ranges stand in the model's documentation only.
RANGE = regex.compile(
    r"<code>(\w+)</code> (?:(?!<li>).)*?"
    r"(?:from|between) ([\d,]+) (?:\w+ )?(?:\([^)]*\) )?(?:to|and) ([\d,]+)",
    regex.DOTALL,
)

LENGTH = regex.compile(
    r"(?:up to|maximum of|limited to|between 1 and) ([\d,]+) (?:characters|letters)", regex.IGNORECASE
)


def judge_request(request: ApiRequest | Refused) -> Verdict:
    verdict = Verdict()
    if isinstance(request, Refused):
        verdict.check("requests", False, f"{request.place}: {request.reason}")
        return verdict
    where = f"{request.place}: {request.operation.name}"
    verdict.check("requests", True, "")
    _judge(request.operation.input_shape, request.parameters, where, verdict)
    for name, (low, high) in documented_ranges(request.operation).items():
        value = request.parameters.get("Attributes", {}).get(name)
        if value is not None:
            verdict.check("ranges", low <= int(value) <= high, f"{where}.{name}: {value}, takes {low} to {high}")
    return verdict


def _judge(shape: Shape, value: Any, where: str, verdict: Verdict) -> None:
    kind = shape.type_name
    if kind == "structure":
        for name in shape.required_members:
            verdict.check("required members", value.get(name) is not None, f"{where}.{name}: is required")
        for name, item in value.items():
            verdict.check("names", name in shape.members, f"{where}.{name}: there is no such member")
            if name in shape.members:
                _judge(shape.members[name], item, f"{where}.{name}", verdict)
    elif kind == "list":
        _judge_size(shape, len(value), where, verdict)
        for number, item in enumerate(value):
            _judge(shape.member, item, f"{where}[{number}]", verdict)
    elif kind == "map":
        _judge_size(shape, len(value), where, verdict)
        for key, item in value.items():
            _judge(shape.key, key, f"{where} key {key}", verdict)
            _judge(shape.value, item, f"{where}.{key}", verdict)
    else:
        _judge_scalar(shape, value, where, verdict)


def _judge_scalar(shape: Shape, value: Any, where: str, verdict: Verdict) -> None:
    verdict.check("values", True, "")
    if shape.type_name in ("string", "blob"):
        if getattr(shape, "enum", None):
            verdict.check("enums", value in shape.enum, f"{where}: {value!r}, takes one of {', '.join(shape.enum)}")
        if pattern := shape.metadata.get("pattern"):
            fits = _pattern(pattern).fullmatch(value) is not None
            verdict.check("patterns", fits, f"{where}: {value!r} does not match {pattern}")
        _judge_size(shape, len(value), where, verdict)
        _judge_documented_length(shape, value, where, verdict)
    elif shape.type_name in ("integer", "long", "float", "double"):
        _judge_size(shape, value, where, verdict)


def _judge_size(shape: Shape, size: float, where: str, verdict: Verdict) -> None:
    """Judge a number, or the length of a text or a list."""
    low, high = (shape.metadata.get(end) for end in ("min", "max"))
    if low is not None or high is not None:
        fits = (low is None or size >= low) and (high is None or size <= high)
        kind = "lengths" if shape.type_name in ("string", "blob", "list", "map") else "ranges"
        verdict.check(kind, fits, f"{where}: {kind[:-1]} {size}, takes {low} to {high}")


def _judge_documented_length(shape: Shape, value: str, where: str, verdict: Verdict) -> None:
    """Many limits of names stand in the member's documentation only; an ARN in a name's place has others."""
    limits = [int(limit.replace(",", "")) for limit in LENGTH.findall(_documentation(shape))]
    if limits and not value.startswith("arn:"):
        fits = len(value) <= min(limits)
        verdict.check("documented lengths", fits, f"{where}: length {len(value)}, takes up to {min(limits)}")


@cache
def _documentation(shape: Shape) -> str:
    return str(regex.sub(r"<[^>]+>", "", html.unescape(shape.documentation)))


@cache
def _pattern(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)


@cache
def documented_ranges(operation: OperationModel) -> Mapping[str, tuple[int, int]]:
    """Return the ranges of the attributes of an SQS queue, by the documentation of `Attributes`."""
    if operation.service_model.service_name != "sqs" or "Attributes" not in operation.input_shape.members:
        return {}
    text = html.unescape(operation.input_shape.members["Attributes"].documentation)
    found = {name: (int(low.replace(",", "")), int(high.replace(",", ""))) for name, low, high in RANGE.findall(text)}
    return found
