"""Settings without which a company's account may refuse a stack: tags, what every role carries, a key of one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from batchbell.provisioning import Context, check_arn

from .mistakes import shown_name
from .validation import plain_or_output

OWN_TAG = "batchbell"  # the tag that every stack sets: project and stack
MOST_TAGS = 50  # of a resource (AWS General Reference, "Tag naming limits and requirements"), OWN_TAG among them
BOUNDARY_EXAMPLE = "arn:aws:iam::123456789012:policy/developers"
KEY_EXAMPLE = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

# What all services take (the same page).
_TAG_NAME = re.compile(r"[\w .:/=+@-]{1,128}")
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")
_BOUNDARY = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]{1,512}"
)
_PATH = re.compile(r"/|/(?:[A-Za-z0-9+=,.@_-]+/)+")  # IAM API reference, CreateRole
PATH_LIMIT = 512
RESERVED_PATHS = ("/aws-service-role/", "/aws-reserved/")


def _check_tags(tags: Mapping[str, Any]) -> Mapping[str, Any]:
    problems = [problem for name, value in tags.items() for problem in _tag_problems(name, value)]
    seen: dict[str, str] = {}
    for name in tags:
        if (other := seen.setdefault(name.casefold(), name)) != name:
            problems.append(f"{shown_name(other)} and {shown_name(name)} are one name to IAM, which ignores case")
    if len(tags) >= MOST_TAGS:
        problems.append(f"{len(tags)} tags, and AWS takes {MOST_TAGS} with the stack's own one")
    if problems:
        raise ValueError("; ".join(problems))
    return tags


def _tag_problems(name: str, value: Any) -> list[str]:
    shown, problems = shown_name(name), []
    if not _TAG_NAME.fullmatch(name):
        problems.append(f"{shown}: a name takes 1 to 128 letters, digits, spaces and _.:/=+-@")
    if name.casefold().startswith("aws:"):
        problems.append(f"{shown}: AWS reserves names that begin with aws:")
    if name.casefold() == OWN_TAG:
        problems.append(f"{shown}: the stack sets this tag itself")
    if not isinstance(value, str) or not _TAG_VALUE.fullmatch(value):
        problems.append(f"{shown}: a value takes a string of at most 256 letters, digits, spaces and _.:/=+-@")
    return problems


def _check_path(path: str) -> str:
    if not _PATH.fullmatch(path) or len(path) > PATH_LIMIT or path.startswith(RESERVED_PATHS):
        raise ValueError(f"takes a path of at most {PATH_LIMIT} characters that begins and ends with /")
    return path


def boundary_problem(value: Any, context: Context | None = None) -> str | None:
    """Why `value` is not the ARN of a policy that a role of the stack can have as its boundary, or None; "" is none."""
    match = _BOUNDARY.fullmatch(value) if isinstance(value, str) else None
    if value == "":
        return None
    if match is None:
        return "takes the ARN of an IAM policy"
    if context and (match["partition"], match["account"]) not in {
        (context.partition, context.account_id),
        (context.partition, "aws"),
    }:
        return f"takes the ARN of an IAM policy in the stack's account {context.account_id}, or of AWS's own"
    return None


def key_problem(value: Any, region: str | None = None) -> str | None:
    """Why `value` is not the ARN of a KMS key in `region`, or None; "" is no key."""
    try:
        check_arn(None if value == "" else value, "kms", region=region)
    except ValueError as error:
        return str(error)
    return None


Tags = Annotated[
    Mapping[str, Any],
    AfterValidator(_check_tags),
    Field(
        title=f"tags of everything that is created, beside the stack's own tag `{OWN_TAG}`",
        description="an object of names and values",
        examples=[{"cost-centre": "4711", "team": "rendering"}],
    ),
]
BoundaryArn = Annotated[
    Any,
    plain_or_output(boundary_problem),
    Field(
        title="permissions boundary of every role; '': none",
        description="the ARN of an IAM policy",
        examples=[BOUNDARY_EXAMPLE],
    ),
]
RolePath = Annotated[
    str,
    AfterValidator(_check_path),
    Field(title="path of every role", description="a path that begins and ends with /", examples=["/batch/"]),
]
KeyArn = Annotated[
    Any,
    plain_or_output(key_problem),
    Field(
        title="key that encrypts queues, ledger, the function's log and environment; its policy must allow what "
        "docs/operations.md lists under 'A key of your own'; '': AWS's own keys",
        description="the ARN of a KMS key in the stack's region",
        examples=[KEY_EXAMPLE],
    ),
]
