from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from batchbell.cli import app

BATCH_ARN = "arn:aws:batch:us-east-1:123456789012"


@pytest.fixture
def explain(tmp_path):
    def run(event, *arguments):
        file = tmp_path / "event.json"
        file.write_text(event if isinstance(event, str) else json.dumps(event))
        return CliRunner().invoke(app, ["explain", str(file), *arguments])

    return run


@pytest.fixture
def explained(explain):
    def run(event, *arguments):
        result = explain(event, "--json", *arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


WATCHED = ("--queue", f"{BATCH_ARN}:job-queue/nightly")


def test_a_parent_on_the_watched_queue_matches_and_each_notifier_shows_its_message(explained, event):
    answer = explained(event("parent-failed"), *WATCHED)

    assert answer["matches"] is True
    assert answer["message"]["title"] == "nightly-render failed: 3 of 7 children"
    assert set(answer["renderings"]) == {"slack", "email", "sns"}
    for rendering in answer["renderings"].values():
        assert "nightly-render failed" in json.dumps(rendering)


OTHER_QUEUE = {"jobQueue": f"{BATCH_ARN}:job-queue/nightly-2"}


@pytest.mark.parametrize(
    ("name", "detail", "found", "says"),
    [
        ("child-failed-fargate", {}, {"child": "detail.arrayProperties.size"}, "child 3 of an array job"),
        ("child-failed-ec2", {}, {"child": "detail.arrayProperties.size"}, "child 3 of an array job"),
        ("node-succeeded", {}, {"node": "detail.arrayProperties.size"}, "node 1 of a multi-node job"),
        ("single-failed", {}, {"single-job": "detail.arrayProperties.size"}, "single_jobs: true"),
        ("parent-failed", OTHER_QUEUE, {"other-queue": "detail.jobQueue"}, "job_queue_arns"),
        ("parent-failed", {"status": "RUNNING"}, {"other-status": "detail.status"}, "statuses"),
        (
            "child-failed-ec2",
            OTHER_QUEUE,
            {"other-queue": "detail.jobQueue", "child": "detail.arrayProperties.size"},
            "child 3",
        ),
    ],
)
def test_each_field_that_does_not_match_is_named_and_explained(explained, explain, event, name, detail, found, says):
    answer = explained(event(name, **detail), *WATCHED)

    assert answer["matches"] is False
    assert {one["kind"]: one["field"] for one in answer["mismatches"]} == found
    shown = explain(event(name, **detail), *WATCHED).stdout
    assert says in shown
    assert all(field in shown for field in found.values())


def test_an_event_of_another_kind_is_explained_by_its_kind_alone(explained, event):
    for other, field, kind in (
        ({"detail-type": "Batch Compute Environment State Change"}, "detail-type", "other-detail-type"),
        ({"source": "aws.ecs"}, "source", "other-source"),
    ):
        (wrong,) = explained(event("single-failed") | other, *WATCHED)["mismatches"]
        assert (wrong["kind"], wrong["field"]) == (kind, field)
        assert next(iter(other.values())) in wrong["meaning"]


def test_the_event_of_a_blocked_queue_is_compared_with_its_own_rule(explained, event):
    blocked = event("queue-blocked")
    answer = explained(blocked, *WATCHED)
    assert (answer["rule"], answer["matches"]) == ("blocked", True)
    assert "is blocked" in answer["renderings"]["email"]["headers"]["Subject"]
    (wrong,) = explained(blocked)["mismatches"]
    assert (wrong["kind"], wrong["field"]) == ("other-queue", "detail.jobQueue")


def test_a_blocked_queue_that_the_stack_does_not_report_is_explained_by_its_setting(
    explained, event, tmp_path, project, monkeypatch
):
    for file in (project / "Pulumi.yaml", project / "examples" / "stacks" / "Pulumi.production.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    with (tmp_path / "Pulumi.production.yaml").open("a") as file:
        file.write("  batchbell:queue_blocked: false\n")
    monkeypatch.chdir(tmp_path)
    (wrong,) = explained(event("queue-blocked"), "--stack", "production")["mismatches"]

    assert (wrong["kind"], wrong["field"]) == ("other-detail-type", "detail-type")
    assert "queue_blocked" in wrong["hint"]


def test_another_job_definition_does_not_match(explained, event):
    answer = explained(event("parent-failed"), "--job-definition", f"{BATCH_ARN}:job-definition/render-2")

    assert [one["kind"] for one in answer["mismatches"]] == ["other-definition"]


def test_a_queue_that_the_stack_creates_is_matched_by_its_name(explained, event):
    ours = event("parent-failed", jobQueue=f"{BATCH_ARN}:job-queue/print-color-queue")

    assert explained(ours)["matches"] is True
    assert explained(event("parent-failed"))["why"].startswith("detail.jobQueue")


def test_a_given_job_definition_replaces_what_the_stack_watches(explained, event):
    assert (
        explained(event("parent-failed"), "--job-definition", f"{BATCH_ARN}:job-definition/render:3")["matches"] is True
    )
    assert explained(event("parent-failed"), "--job-definition", f"{BATCH_ARN}:job-definition/rend")["matches"] is False


def test_another_stack_has_another_rule_and_other_notifiers(explained, event):
    answer = explained(event("parent-failed"), "--stack", "production")

    assert answer["matches"] is True
    assert set(answer["renderings"]) == {"team"}
    assert explained(event("parent-succeeded"), "--stack", "production")["renderings"] == {"team": None}


def test_an_event_may_come_from_standard_input(event):
    result = CliRunner().invoke(app, ["explain", "-", "--json", *WATCHED], input=json.dumps(event("parent-succeeded")))

    assert json.loads(result.stdout)["matches"] is True


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not JSON", "is not JSON"),
        ("[]", "not an EventBridge event"),
        ('{"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": {}}', "which job it is"),
    ],
)
def test_an_invalid_event_is_reported_on_one_line_with_exit_code_2(explain, text, says):
    result = explain(text)

    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_an_unknown_stack_is_reported_with_the_existing_ones(explain, event):
    result = explain(event("parent-failed"), "--stack", "nightly")

    assert result.exit_code == 2
    assert "print-color, production" in result.stderr.replace("\n", " ")


def test_the_output_does_not_hold_the_containers_environment(explain, event):
    assert "hunter2" not in explain(event("parent-failed"), *WATCHED).output


def test_a_notifier_that_fails_is_reported_on_one_line_without_what_it_says(explain, event, monkeypatch):
    def fail(message, *_):
        raise ValueError(f"\x1b[8m{message.title}")

    monkeypatch.setattr("notifiers.slack.notifier.render", fail)
    result = explain(event("parent-failed"), *WATCHED)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "the notifier slack cannot show the message: ValueError\n"


def test_a_notifier_that_changes_the_message_changes_it_for_no_other(explained, event, monkeypatch):
    def change(message, *_):
        object.__setattr__(message, "title", "another")
        object.__setattr__(message.facts[0], "value", "another")
        return {}

    monkeypatch.setattr("notifiers.slack.notifier.render", change)
    answer = explained(event("parent-failed"), *WATCHED)

    assert "another" not in json.dumps(answer)


@pytest.fixture
def teams_stack(tmp_path, monkeypatch):
    """A stack whose only notifier takes the jobs of one team, and shows no logs."""
    (tmp_path / "Pulumi.yaml").write_text("name: batchbell\nruntime: python\n", "utf-8")
    (tmp_path / "Pulumi.teams.yaml").write_text(
        f"""config:
  aws:region: us-east-1
  batchbell:job_queue_arns: [{BATCH_ARN}:job-queue/nightly]
  batchbell:single_jobs: true
  batchbell:log_lines: 5
  batchbell:notifiers:
    - {{type: sns, name: genomics, tags: {{team: [genomics]}}, log_lines: 0}}
""",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return ("--stack", "teams")


@pytest.mark.parametrize(("tags", "taken"), [({"team": "genomics"}, True), ({"team": "render"}, False), ({}, False)])
def test_a_filter_by_tags_and_a_notifiers_own_log_lines_count(explained, event, teams_stack, tags, taken):
    shown = explained(event("single-failed", tags=tags), *teams_stack)["renderings"]["genomics"]

    assert (shown is not None) is taken
    assert "lines of the log" not in json.dumps(shown)


def test_tags_that_only_aws_knows_are_said_to_be_looked_up(explained, event, teams_stack):
    untagged = event("single-failed")
    untagged["detail"].pop("tags", None)

    assert "looked up when the message is sent" in json.dumps(explained(untagged, *teams_stack)["renderings"])
