"""The inputs that the benchmark makes, and the results that it reads back."""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from typing import NotRequired, get_origin, get_type_hints

import pytest

from batchbell.dispatcher.manifest import Unusable, instance_of
from batchbell.dispatcher.records.job import Job
from batchbell.wire import ManifestEntry
from bench import function_package
from bench.batch_events import child_events, failed_child_summaries, parent_event
from bench.burst import count_jobs
from bench.canned_responses import PAGE, SLACK_PATH, CannedResponses, UnexpectedCall, read_action
from bench.cold_start import by_package
from bench.cost import CHILDREN, JobUsage, function_bill, jobs_bill
from bench.idle_cost import IdleResources, idle_bill
from bench.local_stack import LoggedInvocation, read_invocations
from bench.memory import monthly_cost
from demo.print_color import other_rules

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
USE = JobUsage({"claim": 3, "commit": 3, "sns:Publish": 1, "ses:SendEmail": 1}, 0.3, 2000.0, "1/7")


def test_an_array_has_a_parent_and_a_child_for_each_index() -> None:
    parent = parent_event("nightly", size=7, failed=2, queue=QUEUE)
    children = list(child_events(parent, "EC2"))

    jobs = [Job.from_event(event) for event in (parent, *children)]
    assert [job.array_index for job in jobs] == [None, *range(7)]
    assert Counter(job.status for job in jobs[1:]) == {"FAILED": 2, "SUCCEEDED": 5}
    assert {job.queue for job in jobs} == {QUEUE}
    assert (jobs[0].array_size, jobs[0].status, jobs[0].counts["FAILED"]) == (7, "FAILED", 2)
    assert len({job.key for job in jobs}) == 8


@pytest.mark.parametrize(("platform", "without"), [("EC2", 1), ("FARGATE", 7)])
def test_children_that_never_ran_and_fargate_children_have_no_container_instance(platform: str, without: int) -> None:
    parent = parent_event("nightly", size=7, failed=2)

    containers = [event["detail"]["container"] for event in child_events(parent, platform)]

    assert sum("containerInstanceArn" not in container for container in containers) == without


def test_the_tutorials_filter_is_the_plain_rule_with_one_more_condition() -> None:
    rules = other_rules(QUEUE)

    container = rules["tutorial"]["detail"].pop("container")
    assert container == {"containerInstanceArn": [{"exists": False}]}
    assert rules["tutorial"] == rules["every-job"]


@pytest.mark.parametrize(
    ("path", "headers", "body", "action"),
    [
        ("/", {"x-amz-target": "DynamoDB_20120810.UpdateItem"}, b"{}", "dynamodb:UpdateItem"),
        ("/", {"x-amz-target": "AmazonSSM.GetParameter"}, b"{}", "ssm:GetParameter"),
        ("/v1/listjobs", {}, b"{}", "batch:ListJobs"),
        ("/", {}, b"Action=Publish&Message=x", "sns:Publish"),
        (SLACK_PATH, {}, b"{}", "slack"),
    ],
)
def test_a_request_is_identified_by_its_action(path: str, headers: dict[str, str], body: bytes, action: str) -> None:
    assert read_action(path, headers, body) == action


def test_an_unexpected_request_is_an_error_that_names_it() -> None:
    with pytest.raises(UnexpectedCall, match="/somewhere"):
        read_action("/somewhere", {}, b"")
    with pytest.raises(UnexpectedCall, match="dynamodb:Scan"):
        CannedResponses().respond("dynamodb:Scan", b"{}")


def test_failed_children_come_in_pages() -> None:
    responses = CannedResponses(failed=failed_child_summaries("job", 2 * PAGE + 1, reasons=1))
    seen: list[int] = []
    page: dict[str, str] = {}
    while not seen or page:
        response = json.loads(responses.respond("batch:ListJobs", json.dumps(page).encode()))
        seen.append(len(response["jobSummaryList"]))
        page = {"nextToken": response["nextToken"]} if "nextToken" in response else {}

    assert seen == [PAGE, PAGE, 1]


def test_the_log_shows_when_an_invocation_started_composed_and_delivered() -> None:
    def line(message: str, seconds: str) -> str:
        entry = {"message": message, "request": "r", "timestamp": f"1970-01-01 00:00:{seconds}+0000"}
        return json.dumps(entry)

    log = [line("job", "09,200"), line("outcome", "09,700"), line("outcome", "09,800"), '{"_aws": {}}']
    report = "REPORT RequestId: r\tDuration: 1000 ms\tBilled Duration: 1000 ms"

    assert read_invocations([*((10.0, text) for text in log), (10.0, report)]) == [LoggedInvocation(9.0, 9.2, 9.8)]


def test_an_import_profile_is_summed_by_package() -> None:
    profile = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1500 |       1500 |   botocore.config\n"
        "import time:       500 |       2000 | botocore\n"
        "import time:      3000 |       3000 | requests\n"
    )

    assert by_package(profile) == {"requests": 3.0, "botocore": 2.0}


def test_a_message_counts_once_for_each_job_that_it_mentions() -> None:
    assert count_jobs([{"text": "burst-0001 burst-0002 burst-0001"}, {"text": "burst-0001"}]) == {
        "burst-0001": 2,
        "burst-0002": 1,
    }


def test_the_plain_rules_cost_grows_with_its_invocations() -> None:
    once, each = function_bill(USE, invocations=1), function_bill(USE, invocations=CHILDREN + 1)

    assert each == pytest.approx({item: amount * (CHILDREN + 1) for item, amount in once.items()})
    assert once["SES"] == pytest.approx(0.10)  # 1,000 mails


def test_the_bill_is_that_of_a_simple_function_plus_the_cost_of_reliability() -> None:
    ours = jobs_bill(USE)

    assert function_bill(USE, invocations=1).items() <= ours.items()
    assert ours["ledger"] == pytest.approx(1_000 * 9 * 0.625e-6)  # a commit writes the index too
    assert ours["queue: send, receive, delete"] == pytest.approx(0.0012)


def test_an_idle_stack_pays_for_polls_around_the_clock_and_for_alarms() -> None:
    rest = idle_bill(IdleResources(pollers=10, alarms=7, notifiers=3))

    assert rest["polls of the queues"] * 30 == pytest.approx(0.5184)
    assert rest["alarms"] * 30 == pytest.approx(0.70)


def test_more_memory_costs_the_same_if_the_time_falls_as_the_share_of_a_processor_grows() -> None:
    small = {"size": 256, "ready": 0.3, "first": 0.8, "later": 0.4}
    large = {"size": 1024, "ready": 0.3, "first": 0.2, "later": 0.1}

    assert monthly_cost(large, 1_000, is_cold=False) == pytest.approx(monthly_cost(small, 1_000, is_cold=False))
    assert monthly_cost(large, 10, is_cold=True) > monthly_cost(small, 10, is_cold=True)  # the init phase takes as long


@pytest.mark.parametrize("type_", ["slack", "email", "sns", "apprise"])
def test_the_function_reads_the_benchmarks_manifest_entries(type_):
    entry = function_package.manifest_entry(type_, "ops")
    instance = instance_of(entry, Unusable(""))

    assert (instance.name, instance.takes("FAILED", "nightly")) == ("ops", True)
    hints = get_type_hints(ManifestEntry, include_extras=True)
    assert entry.keys() == {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}


@pytest.mark.parametrize(("script", "others"), [("three_channels", {"boto3", "requests"}), ("email_alone", {"boto3"})])
def test_a_function_by_hand_needs_only_what_lambda_provides_and_requests(script, others):
    tree = ast.parse((function_package.BY_HAND / f"{script}.py").read_text("utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names} == others
