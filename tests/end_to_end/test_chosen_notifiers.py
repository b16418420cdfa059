"""Stacks that choose among many notifiers, one of them a third-party notifier that is installed from its wheel."""

from __future__ import annotations

import json
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment, DeploymentFailed, this_machine
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests.end_to_end.stack import deploy
from tests.installed import Environment, put_distribution, write
from tests.warm_python import SITES

CODE = "the-pagers-own-code"
MAIL = {"type": "email", "name": "team", "sender": SENDER, "recipients": ["team@example.com"]}
SUCCEEDS, FAILS = ["true"], ["sh", "-c", "exit $AWS_BATCH_JOB_ARRAY_INDEX"]


def pager(name: str, queue_name: str, **filters: Any) -> dict[str, Any]:
    return {"type": "pager", "name": name, "queue_name": queue_name, "code": {"config": "pagerCode"}, **filters}


@dataclass(frozen=True)
class Deployer:
    """Deploys to a local AWS from a Python environment of its own."""

    cloud: LocalCloud
    program: Path
    secrets: dict[str, str] = field(default_factory=dict)

    def deploy(self, name: str, *notifiers: dict[str, Any]) -> Deployment:
        """Deploy a stack and its Batch environment, both with that name."""
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

    def is_idle(self, deployment: Deployment) -> bool:
        urls = [deployment.outputs[f"{purpose}_queue_url"] for purpose in ("intake", "retry")]
        return not any(self.cloud.message_count(url) for url in urls)


@pytest.fixture(scope="module")
def environment(pager_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The environment in which `pulumi up` runs: it has the pager, and notifiers that no stack can use."""
    environment = Environment.make(tmp_path_factory.mktemp("environment"))
    # Not by pip, which notes the wheel's path: the package would have to be built anew in each session.
    zipfile.ZipFile(pager_wheel).extractall(environment.site)
    put_distribution(
        environment.site,
        "acme-broken",
        {"acme_broken/__init__.py": "1 / 0"},
        entry_points_txt="[batchbell.notifiers]\nbroken = acme_broken\nsns2 = acme_nowhere\ntwin = acme_broken\n",
    )
    put_distribution(environment.site, "acme-twin", {}, entry_points_txt="[batchbell.notifiers]\ntwin = acme_twin\n")
    return environment


@pytest.fixture(scope="module")
def webhooks() -> Iterator[tuple[SlackSink, SlackSink]]:
    with SlackSink.start() as one, SlackSink.start() as other:
        yield one, other


@pytest.fixture(scope="module")
def deployer(
    shared_cloud: LocalCloud, project: Path, environment: Environment, webhooks: tuple[SlackSink, SlackSink]
) -> Iterator[Deployer]:
    secrets = {"failuresHook": webhooks[0].url, "nightlyHook": webhooks[1].url, "pagerCode": CODE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(environment.python))
        patch.setitem(SITES, str(environment.python), environment.site)
        yield Deployer(shared_cloud, project, secrets)


def test_each_notifier_of_a_stack_gets_exactly_the_messages_that_its_filters_accept(
    deployer: Deployer, webhooks: tuple[SlackSink, SlackSink], wait_until: Callable[..., None]
) -> None:
    pages = CollectingQueue(deployer.cloud, "pages", "sns.amazonaws.com")
    stack = deployer.deploy(
        "everyone",
        {"type": "slack", "name": "failures", "webhook": {"config": "failuresHook"}, "statuses": ["FAILED"]},
        {"type": "slack", "name": "nightly", "webhook": {"config": "nightlyHook"}, "jobs": ["nightly-*", "weekly-*"]},
        MAIL,
        {"type": "sns", "name": "done", "statuses": ["SUCCEEDED"]},
        pager("night", "pages", statuses=["FAILED"], jobs=["nightly-*"]),
    )
    topic = CollectingQueue.of_topic(deployer.cloud, "done", stack.outputs["notifiers"]["done"]["topic_arn"])
    tag = uuid.uuid4().hex[:8]
    wrong, right, other = f"nightly-{tag}-wrong", f"nightly-{tag}-right", f"hourly-{tag}-wrong"
    for name, command in ((wrong, FAILS), (right, SUCCEEDS), (other, FAILS)):
        deployer.submit(stack, name, command)

    def received() -> dict[str, list[str]]:
        texts = {
            "failures": [one["text"] for one in webhooks[0].accepted],
            "nightly": [one["text"] for one in webhooks[1].accepted],
            "team": [mail["Subject"] for mail in deployer.cloud.mailbox()],
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
    wait_until(lambda: all(len(received()[to]) >= len(names) for to, names in expected.items()), "received", timeout=40)
    wait_until(lambda: deployer.is_idle(stack), "idle", timeout=20)
    assert received() == expected
    assert [yaml.safe_load(body)["code"] for body in pages.bodies()] == [CODE]


def test_a_function_loads_no_module_of_a_notifier_that_its_stack_did_not_choose(
    deployer: Deployer, wait_until: Callable[..., None]
) -> None:
    """The pager sends the list of modules that the function's process has loaded."""
    pages = CollectingQueue(deployer.cloud, "modules", "sns.amazonaws.com")
    stack = deployer.deploy("mail", MAIL, pager("modules", "modules"))
    deployer.submit(stack, f"job-{uuid.uuid4().hex[:8]}", SUCCEEDS)
    wait_until(pages.bodies, "paged", timeout=40)
    loaded = set(yaml.safe_load(pages.bodies()[0])["modules"])

    assert {name for name in loaded if name.split(".")[0] in ("notifiers", "acme_pager")} == {
        "notifiers",
        "notifiers.email",
        "notifiers.email.mailbox",
        "notifiers.email.notifier",
        "notifiers.email.page",
        "acme_pager",
        "acme_pager.notifier",
    }
    tops = {name.split(".")[0] for name in loaded}
    assert {"batchbell", "yaml", "boto3"} <= tops
    assert not tops & {"requests", "charset_normalizer", "idna", "acme_broken", "components", "pulumi", "pydantic"}
    assert not loaded & {"batchbell.plugins", "batchbell.provisioning", "batchbell_local"}


UNUSABLE = {
    "broken": "notifier broken (distribution acme-broken 1.0): its infrastructure.py cannot be imported: ZeroDiv",
    "sns2": "notifier sns2 (distribution acme-broken 1.0): the package acme_nowhere does not exist",
    "twin": "2 notifiers are named twin, only one may be: distribution acme-",
    "pagr": "which is not a notifier; did you mean pager? Available: apprise, broken, email, pager, slack, sns, sns2",
}


def test_each_unusable_notifier_is_an_error_that_says_why_and_nothing_is_created(deployer: Deployer) -> None:
    with pytest.raises(DeploymentFailed) as failed:
        deployer.deploy("hopeless", MAIL, *({"type": type_, "name": type_} for type_ in UNUSABLE))

    lines = [line.strip() for line in str(failed.value).splitlines() if "batchbell:" in line]
    assert len(lines) == len(UNUSABLE)
    for number, (line, error) in enumerate(zip(lines, UNUSABLE.values(), strict=True), start=1):
        assert line.startswith(f"batchbell:notifiers[{number}].type: ")
        assert error in line
    queues = deployer.cloud.client("sqs").list_queues().get("QueueUrls", [])
    assert "hopeless" not in json.dumps(queues)


def test_a_missing_dependency_fails_before_anything_is_created(deployer: Deployer, environment: Environment) -> None:
    notifier = environment.site / "acme_pager" / "notifier.py"
    whole = notifier.read_text()
    write(environment.site, {"acme_pager/notifier.py": f"import rich\n{whole}"})
    try:
        with pytest.raises(DeploymentFailed) as failed:
            deployer.deploy("unpacked", MAIL, pager("night", "pages"))
    finally:
        notifier.write_text(whole)

    assert 'rich (acme_pager.notifier line 1): add "rich"' in str(failed.value)
    assert "notifier pager (distribution acme-pager 1.0) imports modules that would be missing" in str(failed.value)
    assert "Traceback" not in str(failed.value) + failed.value.printed
    everything = [
        deployer.cloud.client("sqs").list_queues().get("QueueUrls", []),
        deployer.cloud.client("events").list_rules()["Rules"],
        deployer.cloud.client("iam").list_roles()["Roles"],
        deployer.cloud.client("batch").describe_compute_environments()["computeEnvironments"],
    ]
    assert "unpacked" not in json.dumps(everything, default=str)
