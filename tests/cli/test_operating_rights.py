"""docs/permissions.md: the commands do not work without any one of the statements for operating.

With all of them they do: test_redrive.py, test_replay.py and test_send_test.py.
"""

from __future__ import annotations

import json
import uuid

import pytest

from tests.judges.iam_documents import policy

# By statement: a command that needs it.
NEEDED_BY = {
    "Function": "status",
    "Mappings": "status",
    "Rules": "replay",
    "Queues": "status",
    "DeadLetters": "status",
    "Retry": "redrive",
    "Intake": "send-test",
    "Ledger": "status",
}


@pytest.mark.parametrize("sid", NEEDED_BY)
def test_a_command_is_refused_without_one_statement(operator, ticket, finished, documented_permissions, sid, tmp_path):
    operator.bury(ticket())
    (tmp_path / "event.json").write_text(json.dumps(finished()))
    documented_permissions(sid)
    arguments = {"replay": [str(tmp_path / "event.json")]}
    result = operator.run(NEEDED_BY[sid], *arguments.get(NEEDED_BY[sid], []))

    assert result.exit_code == 2
    assert "docs/permissions.md lists the permissions that the commands need" in result.output


@pytest.mark.parametrize("without", ["", "Jobs", "Submit"])
def test_rerun_needs_each_of_its_own_statements_and_no_other(operator, name, monkeypatch, without):
    stack = operator.stack
    job = stack.submit(name, 2, ["false"])
    stack.wait_until_received(name)
    document = policy("Running failed children again").content
    # Local AWS does not find the resources of a submission: each statement is for all.
    statements = [{**one, "Resource": "*"} for one in document["Statement"] if one["Sid"] != without]
    kept = {**document, "Statement": statements}
    iam, user = stack.cloud.client("iam"), f"colleague-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="rerun", PolicyDocument=json.dumps(kept))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    result = operator.run("rerun", job, "--yes", function="")

    assert result.exit_code == (2 if without else 0), result.output
    assert ("docs/permissions.md lists the permissions" in result.output) == bool(without)


def test_each_statement_is_left_out_once():
    assert list(NEEDED_BY) == [one["Sid"] for one in policy("Operating").content["Statement"]]
