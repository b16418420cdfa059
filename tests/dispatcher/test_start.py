"""What the function's process imports and does before its first event."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.installed

CODE = """
import gc, json, sys
import batchbell.dispatcher.handler
print(json.dumps({"collects": gc.isenabled(), "frozen": gc.get_freeze_count(), "modules": sorted(sys.modules)}))
"""
NOT_NEEDED = {  # each takes a few per cent of a cold start
    "boto3",
    "requests",
    "pydantic",
    "aws_lambda_powertools.utilities.parameters",
    "batchbell.dispatcher.secret_store",
    "batchbell.dispatcher.watch.sweeper",
}


def test_a_start_imports_only_what_its_notifiers_need_and_collects_garbage_only_after_it(tmp_path, project):
    entry = {"name": "team", "module": "notifiers.email.notifier", "statuses": [], "jobs": [], "digest_after": 5}
    settings = {"sender": "batch@example.com", "recipients": ["team@example.com"]}
    manifest = {"instances": [{**entry, "settings": settings, "secrets": {}}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_LAMBDA_FUNCTION_NAME": "start",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "BATCHBELL_FUNCTION_TIMEOUT": "30",
        "BATCHBELL_LEDGER_TABLE": "ledger",
        "BATCHBELL_RETRY_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/retry",
        "BATCHBELL_DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/dead",
    }
    ended = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=project,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    start = json.loads(ended.stdout)

    assert NOT_NEEDED.intersection(start["modules"]) == set()
    assert start["collects"] and start["frozen"] > 10_000
