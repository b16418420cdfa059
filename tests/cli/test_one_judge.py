"""Whether a stack takes an event: `explain`, `replay` and the deployed rules agree on every event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EVENTS = sorted(file.stem for file in (Path(__file__).parents[1] / "events").glob("*.json"))
TAKEN = ("parent-", "queue-blocked")  # what the names begin with of those that the print-color stack takes at least


@pytest.fixture
def deployed_patterns(operator):
    """The patterns as Pulumi deployed them, and nobody else read them."""
    client, outputs = operator.stack.cloud.client("events"), operator.stack.deployment.outputs
    pages = client.get_paginator("list_rules").paginate()
    patterns = {one["Name"]: one["EventPattern"] for page in pages for one in page["Rules"] if "EventPattern" in one}
    intake = outputs["intake_queue_url"].rpartition("/")[2]
    return [
        pattern
        for name, pattern in patterns.items()
        if any(one["Arn"].endswith(f":{intake}") for one in client.list_targets_by_rule(Rule=name)["Targets"])
    ]


@pytest.mark.parametrize("name", EVENTS)
def test_every_command_and_the_deployed_rule_judge_an_event_alike(
    operator, deployed_patterns, event, name, tmp_path, monkeypatch, project
):
    monkeypatch.chdir(project)
    client, queue = operator.stack.cloud.client("events"), operator.stack.deployment.outputs["job_queue_name"]
    watched = f"arn:aws:batch:us-east-1:123456789012:job-queue/{queue}"
    verdicts = []
    for file in (event(name, jobQueue=watched), event(name)):  # the second one is of another queue
        path = tmp_path / "event.json"
        path.write_text(json.dumps(file))
        rule = [
            client.test_event_pattern(EventPattern=pattern, Event=json.dumps(file))["Result"]
            for pattern in deployed_patterns
        ]
        explained = operator.run("explain", str(path), "--stack", "print-color", "--json", function="")
        replayed = operator.run("replay", str(path))
        assert replayed.exit_code == 0 or "no rule of the stack matches" in replayed.stderr
        verdicts.append((any(rule), json.loads(explained.stdout)["matches"], replayed.exit_code == 0))

    taken = verdicts[0][0]
    assert verdicts == [(taken, taken, taken), (False, False, False)]
    assert taken or not name.startswith(TAKEN)
    operator.stack.wait_until_idle()


@pytest.mark.parametrize(
    "change", [{"source": "aws.s3"}, {"detail-type": "Batch Job State Change 2"}, {"source": None}]
)
def test_an_event_of_another_kind_is_refused_with_the_reason_that_explain_gives(
    operator, event, change, tmp_path, monkeypatch, project
):
    monkeypatch.chdir(project)
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event("parent-failed") | change))
    explained = json.loads(operator.run("explain", str(path), "--stack", "print-color", "--json", function="").stdout)
    replayed = operator.run("replay", str(path))

    assert (explained["matches"], replayed.exit_code) == (False, 2)
    assert explained["why"] in replayed.stderr.replace("\n", " ")
