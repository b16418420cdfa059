"""What the measurements feed in and read back."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from batchbell.dispatcher.records.job import Job
from bench.answers import PAGE, SLACK_PATH, Answers, UnknownCall, read_action
from bench.burst import count_jobs
from bench.cold_start import by_package
from bench.cost import CHILDREN, Fixed, Use, at_rest, bill, direct
from bench.jobs import failed_children, finish_array, finish_children
from bench.local_stack import Invocation, read_invocations
from demo.print_color import other_rules

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
USE = Use({"claim": 3, "commit": 3, "sns:Publish": 1, "ses:SendEmail": 1}, 0.3, 2000.0, "1/7")


def test_an_array_has_a_parent_and_a_child_for_each_index() -> None:
    parent = finish_array("nightly", size=7, failed=2, queue=QUEUE)
    children = list(finish_children(parent, "EC2"))

    jobs = [Job.from_event(event) for event in (parent, *children)]
    assert [job.array_index for job in jobs] == [None, *range(7)]
    assert Counter(job.status for job in jobs[1:]) == {"FAILED": 2, "SUCCEEDED": 5}
    assert {job.queue for job in jobs} == {QUEUE}
    assert (jobs[0].array_size, jobs[0].status, jobs[0].counts["FAILED"]) == (7, "FAILED", 2)
    assert len({job.key for job in jobs}) == 8


@pytest.mark.parametrize(("platform", "without"), [("EC2", 1), ("FARGATE", 7)])
def test_children_that_never_ran_and_all_on_fargate_have_no_container_instance(platform: str, without: int) -> None:
    parent = finish_array("nightly", size=7, failed=2)

    containers = [event["detail"]["container"] for event in finish_children(parent, platform)]

    assert sum("containerInstanceArn" not in container for container in containers) == without


def test_the_tutorials_filter_is_the_plain_rule_and_one_condition_more() -> None:
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
def test_a_request_is_known_by_its_action(path: str, headers: dict[str, str], body: bytes, action: str) -> None:
    assert read_action(path, headers, body) == action


def test_a_request_that_nobody_should_make_is_told() -> None:
    with pytest.raises(UnknownCall, match="/somewhere"):
        read_action("/somewhere", {}, b"")
    with pytest.raises(UnknownCall, match="dynamodb:Scan"):
        Answers().to("dynamodb:Scan", b"{}")


def test_failed_children_come_in_pages() -> None:
    answers = Answers(failed=failed_children("job", 2 * PAGE + 1, reasons=1))
    seen: list[int] = []
    page: dict[str, str] = {}
    while not seen or page:
        answer = json.loads(answers.to("batch:ListJobs", json.dumps(page).encode()))
        seen.append(len(answer["jobSummaryList"]))
        page = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}

    assert seen == [PAGE, PAGE, 1]


def test_the_log_tells_when_an_invocation_began_composed_and_settled() -> None:
    def line(message: str, seconds: str) -> str:
        entry = {"message": message, "request": "r", "timestamp": f"1970-01-01 00:00:{seconds}+0000"}
        return json.dumps(entry)

    log = [line("job", "09,200"), line("outcome", "09,700"), line("outcome", "09,800"), '{"_aws": {}}']
    report = "REPORT RequestId: r\tDuration: 1000 ms\tBilled Duration: 1000 ms"

    assert read_invocations([*((10.0, text) for text in log), (10.0, report)]) == [Invocation(9.0, 9.2, 9.8)]


def test_an_import_profile_is_summed_by_package() -> None:
    profile = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1500 |       1500 |   botocore.config\n"
        "import time:       500 |       2000 | botocore\n"
        "import time:      3000 |       3000 | requests\n"
    )

    assert by_package(profile) == {"requests": 3.0, "botocore": 2.0}


def test_a_message_counts_once_for_each_job_that_it_names() -> None:
    assert count_jobs([{"text": "burst-0001 burst-0002 burst-0001"}, {"text": "burst-0001"}]) == {
        "burst-0001": 2,
        "burst-0002": 1,
    }


def test_the_plain_rule_costs_as_much_as_so_many_more_invocations() -> None:
    once, each = direct(USE, invocations=1), direct(USE, invocations=CHILDREN + 1)

    assert each == pytest.approx({item: amount * (CHILDREN + 1) for item, amount in once.items()})
    assert once["SES"] == pytest.approx(0.10)  # 1,000 mails


def test_a_bill_holds_the_simple_functions_and_what_reliability_costs() -> None:
    ours = bill(USE)

    assert direct(USE, invocations=1).items() <= ours.items()
    assert ours["ledger"] == pytest.approx(1_000 * 9 * 0.625e-6)  # a commit writes the index too
    assert ours["queue: send, receive, delete"] == pytest.approx(0.0012)


def test_at_rest_the_mappings_poll_around_the_clock() -> None:
    rest = at_rest(Fixed(mappings=2, alarms=7))

    assert rest["polls of the mappings"] * 30 == pytest.approx(0.5184)
    assert rest["alarms"] * 30 == pytest.approx(0.70)
