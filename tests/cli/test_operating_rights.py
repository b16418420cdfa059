"""docs/permissions.md: the commands do not work without any one of the statements for operating.

With all of them they do: test_redrive.py, test_replay.py and test_send_test.py.
"""

from __future__ import annotations

import json

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


def test_each_statement_is_left_out_once():
    assert list(NEEDED_BY) == [one["Sid"] for one in policy("Operating").content["Statement"]]
