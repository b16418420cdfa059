"""Stacks that choose among many notifiers, one of them somebody else's, installed with pip where Pulumi runs."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment, DeploymentFailed, deploy, this_machine
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests.installed import Environment, put_distribution, write

CODE = "the-pagers-own-code"
MAIL = {"type": "email", "name": "team", "sender": SENDER, "recipients": ["team@example.com"]}
SUCCEEDS, FAILS = ["true"], ["sh", "-c", "exit $AWS_BATCH_JOB_ARRAY_INDEX"]


def pager(name: str, queue_name: str, **filters: Any) -> dict[str, Any]:
    return {"type": "pager", "name": name, "queue_name": queue_name, "code": {"config": "pagerCode"}, **filters}


@dataclass(frozen=True)
class Account:
    """A local AWS, and deployments to it from an environment of its own."""

    cloud: LocalCloud
    program: Path
    secrets: dict[str, str] = field(default_factory=dict)

    def deploy(self, name: str, *notifiers: dict[str, Any]) -> Deployment:
        """A stack with a Batch environment, both of that name."""
        config = {"environment_name": name, "notifiers": list(notifiers), **this_machine()}
        return deploy(self.cloud.environment(), self.program, name, config=config, secrets=self.secrets)

    def submit(self, deployment: Deployment, name: str, command: list[str]) -> None:
        self.cloud.client("batch").submit_job(
            jobName=name,
            jobQueue=deployment.outputs["job_queue_name"],
            jobDefinition=deployment.outputs["job_definition_name"],
            arrayProperties={"size": 2},
            containerOverrides={"command": command},
        )

    def settled(self, deployment: Deployment) -> bool:
        urls = [deployment.outputs[f"{purpose}_queue_url"] for purpose in ("intake", "retry")]
        return not any(self.cloud.message_count(url) for url in urls)


@pytest.fixture(scope="module")
def environment(pager_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Where `pulumi up` runs: with the pager, and with notifiers that no stack could use."""
    environment = Environment.make(tmp_path_factory.mktemp("environment"), pager_wheel)
    put_distribution(
        environment.site,
        "acme-broken",
        {"acme_broken/__init__.py": "1 / 0"},
        entry_points_txt="[batchbell.notifiers]\nbroken = acme_broken\nsns2 = acme_nowhere\ntwin = acme_broken\n",
    )
    put_distribution(environment.site, "acme-twin", {}, entry_points_txt="[batchbell.notifiers]\ntwin = acme_twin\n")
    return environment


@pytest.fixture(scope="module")
def hooks() -> Iterator[tuple[SlackSink, SlackSink]]:
    with SlackSink.start() as one, SlackSink.start() as other:
        yield one, other


@pytest.fixture(scope="module")
def account(
    own_cloud: LocalCloud, project: Path, environment: Environment, hooks: tuple[SlackSink, SlackSink]
) -> Iterator[Account]:
    secrets = {"failuresHook": hooks[0].url, "nightlyHook": hooks[1].url, "pagerCode": CODE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(environment.python))
        yield Account(own_cloud, project, secrets)


def test_each_notifier_of_a_stack_gets_just_what_its_filters_take(
    account: Account, hooks: tuple[SlackSink, SlackSink], wait_until: Callable[..., None]
) -> None:
    pages = CollectingQueue(account.cloud, "pages", "sns.amazonaws.com")
    stack = account.deploy(
        "everyone",
        {"type": "slack", "name": "failures", "webhook": {"config": "failuresHook"}, "statuses": ["FAILED"]},
        {"type": "slack", "name": "nightly", "webhook": {"config": "nightlyHook"}, "jobs": ["nightly-*", "weekly-*"]},
        MAIL,
        {"type": "sns", "name": "done", "statuses": ["SUCCEEDED"]},
        pager("night", "pages", statuses=["FAILED"], jobs=["nightly-*"]),
    )
    topic = CollectingQueue.of_topic(account.cloud, "done", stack.outputs["notifiers"]["done"]["topic_arn"])
    tag = uuid.uuid4().hex[:8]
    wrong, right, other = f"nightly-{tag}-wrong", f"nightly-{tag}-right", f"hourly-{tag}-wrong"
    for name, command in ((wrong, FAILS), (right, SUCCEEDS), (other, FAILS)):
        account.submit(stack, name, command)

    def received() -> dict[str, list[str]]:
        texts = {
            "failures": [one["text"] for one in hooks[0].accepted],
            "nightly": [one["text"] for one in hooks[1].accepted],
            "team": [mail["Subject"] for mail in account.cloud.mailbox()],
            "done": topic.bodies(),
            "night": [yaml.safe_load(body)["title"] for body in pages.bodies()],
        }
        return {
            channel: sorted(name for text in found for name in (wrong, right, other) if name in text)
            for channel, found in texts.items()
        }

    expected = {
        "failures": sorted([wrong, other]),
        "nightly": sorted([wrong, right]),
        "team": sorted([wrong, right, other]),
        "done": [right],
        "night": [wrong],
    }
    wait_until(lambda: all(len(received()[to]) >= len(names) for to, names in expected.items()), "told", timeout=40)
    wait_until(lambda: account.settled(stack), "settled", timeout=20)
    assert received() == expected
    assert [yaml.safe_load(body)["code"] for body in pages.bodies()] == [CODE]


def test_a_function_loads_no_module_of_a_notifier_that_its_stack_did_not_choose(
    account: Account, wait_until: Callable[..., None]
) -> None:
    """The pager tells what the function's process has loaded."""
    pages = CollectingQueue(account.cloud, "modules", "sns.amazonaws.com")
    stack = account.deploy("mail", MAIL, pager("modules", "modules"))
    account.submit(stack, f"job-{uuid.uuid4().hex[:8]}", SUCCEEDS)
    wait_until(pages.bodies, "paged", timeout=40)
    loaded = set(yaml.safe_load(pages.bodies()[0])["modules"])

    assert {name for name in loaded if name.split(".")[0] in ("notifiers", "acme_pager")} == {
        "notifiers",
        "notifiers.email",
        "notifiers.email.notifier",
        "notifiers.email.page",
        "acme_pager",
        "acme_pager.notifier",
    }
    tops = {name.split(".")[0] for name in loaded}
    assert {"batchbell", "yaml", "boto3"} <= tops
    assert not tops & {"requests", "charset_normalizer", "idna", "acme_broken", "components", "pulumi", "pydantic"}
    assert not loaded & {"batchbell.plugins", "batchbell.provisioning", "batchbell_local"}


@pytest.mark.parametrize(
    ("type_", "told"),
    [
        ("broken", "notifier broken (distribution acme-broken 1.0): its infrastructure.py cannot be imported: ZeroDiv"),
        ("sns2", "notifier sns2 (distribution acme-broken 1.0): there is no package acme_nowhere"),
        ("twin", "2 notifiers are named twin, and one may be: distribution acme-"),
        ("pagr", "and there is no such notifier; did you mean pager? There are broken, email, pager, slack, sns, sns2"),
    ],
)
def test_a_notifier_that_cannot_be_used_is_told_and_nothing_is_created(account: Account, type_: str, told: str) -> None:
    with pytest.raises(DeploymentFailed) as failed:
        account.deploy("hopeless", MAIL, {"type": type_, "name": "x"})

    (line,) = (line for line in str(failed.value).splitlines() if "batchbell:" in line)
    assert line.strip().startswith("batchbell:notifiers[1].type: ")
    assert told in line
    queues = account.cloud.client("sqs").list_queues().get("QueueUrls", [])
    assert "hopeless" not in json.dumps(queues)


def test_what_cannot_be_packed_is_told_before_anything_is_created(account: Account, environment: Environment) -> None:
    notifier = environment.site / "acme_pager" / "notifier.py"
    whole = notifier.read_text()
    write(environment.site, {"acme_pager/notifier.py": f"import rich\n{whole}"})
    try:
        with pytest.raises(DeploymentFailed) as failed:
            account.deploy("unpacked", MAIL, pager("night", "pages"))
    finally:
        notifier.write_text(whole)

    assert 'rich (acme_pager.notifier line 1): add "rich"' in str(failed.value)
    assert "notifier pager (distribution acme-pager 1.0) imports what would be missing" in str(failed.value)
    assert "Traceback" not in str(failed.value) + failed.value.printed
    everything = [
        account.cloud.client("sqs").list_queues().get("QueueUrls", []),
        account.cloud.client("events").list_rules()["Rules"],
        account.cloud.client("iam").list_roles()["Roles"],
        account.cloud.client("batch").describe_compute_environments()["computeEnvironments"],
    ]
    assert "unpacked" not in json.dumps(everything, default=str)
