"""The stacks that the judges judge: each platform, each notifier, the longest names, and each partition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from batchbell.partitions import Feature, offers
from batchbell.plugins import find_plugins
from tests.judges.provider_answers import Place
from tests.judges.registered import Recording, record

PLATFORMS = ("EC2", "SPOT", "FARGATE", "FARGATE_SPOT")
PLACES = {
    one.partition: one
    for one in (Place("aws", "us-east-1"), Place("aws-us-gov", "us-gov-west-1"), Place("aws-cn", "cn-north-1"))
}
LONGEST_STACK = "a-stack-that-has-27-letters"
LONGEST_NOTIFIER = "a-notifier-that-has-39-characters-xxxxx"
LONGEST_ENVIRONMENT = "an-environment-with-91-characters-" + "x" * 57

# What a company may require of a stack, and of its environment.
TAGS = {"cost-centre": "4711", "team": "rendering"}
BOUNDARY = "arn:aws:iam::123456789012:policy/developers"
PATH = "/batch/"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SUBNETS, GROUPS = ["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]
COMPANY = {
    "tags": TAGS,
    "permissions_boundary_arn": BOUNDARY,
    "role_path": PATH,
    "kms_key_arn": KEY,
    "function_subnet_ids": SUBNETS,
    "function_security_group_ids": GROUPS,
}
# What sweeps warn of.
WARNINGS = {
    "early_failures": {"percent": 20, "at_least": 5},
    "overdue_after": [{"jobs": "nightly-*", "minutes": 480}, {"minutes": 600}],
    "stalled_after": 60,
}
JOBS = {
    "environment_subnet_ids": SUBNETS,
    "environment_attempts": 3,
    "environment_job_timeout": 3_600,
    "environment_log_retention_days": 90,
    "environment_job_role_arn": "arn:aws:iam::123456789012:role/batch/job",
}
ON_INSTANCES = {**JOBS, "environment_volume_encryption": True}
ON_FARGATE = {
    **JOBS,
    "environment_assign_public_ip": False,
    "environment_execution_role_arn": "arn:aws:iam::123456789012:role/batch/execution",
}


@dataclass(frozen=True)
class JudgedStack:
    """A stack's config, and where it is deployed."""

    config: Mapping[str, Any]
    partition: str = "aws"
    stack: str = "dev"

    @property
    def place(self) -> Place:
        return PLACES[self.partition]

    def record(self) -> Recording:
        return record(self.config, partition=self.partition, region=self.place.region, stack=self.stack)


# Where no setting is required by itself, but one of several.
WAYS: Mapping[str, Any] = {"slack": {"webhook": {"config": "slackWebhook"}}}


def each_notifier(place: Place) -> list[dict[str, Any]]:
    """Return one entry for each notifier that this checkout has, with the examples of its required settings.

    Email is left out where AWS does not offer SES.
    """
    entries = []
    for type_, plugin in find_plugins().items():
        fields = plugin.infrastructure().Settings.model_fields
        required = {name: one.examples[0] for name, one in fields.items() if one.is_required()} | WAYS.get(type_, {})
        if type_ != "email" or offers(place.partition, place.region, Feature.SES):
            entries.append({"type": type_, "name": type_, **required})
    given = {"topic_arn": place.arn("sns", "on-call"), "kms_key_arn": _key(place)}
    kept = {"webhook": {"ssm": place.arn("ssm", "parameter/webhook"), "kms_key_arn": _key(place)}}
    return [
        *entries,
        {"type": "sns", "name": "given", **given},
        {"type": "sns", "name": LONGEST_NOTIFIER, "kms_key_arn": _key(place)},
        {"type": "slack", "name": "kept", **kept},
        {"type": "slack", "name": LONGEST_NOTIFIER.replace("a-", "b-", 1), "webhook": {"config": "slackWebhook"}},
    ]


def _key(place: Place) -> str:
    return place.arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")


def environment(platform: str, place: Place, name: str = "nightly") -> dict[str, Any]:
    own = {"environment_instance_policy_arns": [f"arn:{place.partition}:iam::aws:policy/AmazonS3ReadOnlyAccess"]}
    return {
        "environment_name": name,
        "environment_platform": platform,
        "environment_command": ["sleep", "60"],
        **({} if platform.startswith("FARGATE") else own),
    }


def _watching(place: Place) -> dict[str, Any]:
    return {
        "job_queue_arns": [place.arn("batch", "job-queue/nightly")],
        "job_definition_arns": [place.arn("batch", "job-definition/render")],
        "single_jobs": True,
        "statuses": ["SUCCEEDED", "FAILED", "RUNNING"],
        "alarm_topic_arn": place.arn("sns", "on-call"),
        "time_zone": "Europe/Berlin",
        "log_lines": 5,
        "log_group_arns": [place.arn("logs", "log-group:/aws/batch/job:*")],
        "watch_every": 1,
        **WARNINGS,
    }


def _stacks() -> Iterator[tuple[str, JudgedStack]]:
    """Everything that AWS may judge differently in another partition is in each of them; the platforms are in one."""
    for partition, place in PLACES.items():
        notifiers = {"notifiers": each_notifier(place)}
        for platform in PLATFORMS if partition == "aws" else ("FARGATE",):
            config = {**environment(platform, place), **notifiers, "log_lines": 5, "owner_tag": "owner"}
            yield f"{platform.lower()}-{partition}", JudgedStack(config, partition)
        config = {**environment("EC2", place, LONGEST_ENVIRONMENT), **_watching(place), **notifiers}
        yield f"longest-names-{partition}", JudgedStack(config, partition, LONGEST_STACK)
    place = PLACES["aws"]
    existing = {**_watching(place), "function_timeout": 120, "function_architecture": "x86_64"}
    yield "existing-aws", JudgedStack({**existing, "notifiers": each_notifier(place)}, "aws")
    for platform, further in (("EC2", ON_INSTANCES), ("FARGATE", ON_FARGATE)):
        config = {**environment(platform, place), **COMPANY, **further, "notifiers": each_notifier(place)}
        yield f"company-{platform.lower()}-aws", JudgedStack(config, "aws", LONGEST_STACK)


STACKS: Mapping[str, JudgedStack] = dict(_stacks())
