"""Pages through an SQS queue, with a list of the modules that the process has loaded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import boto3
import yaml

from batchbell.contract import Message, Secret, Secrets


class Pager:
    def __init__(self, queue_name: str, code: Secret) -> None:
        self._queue_name = queue_name
        self._code = code
        self._sqs = boto3.client("sqs")

    def send(self, message: Message) -> None:
        page = {"title": message.title, "code": self._code.reveal(), "modules": sorted(sys.modules)}
        url = self._sqs.get_queue_url(QueueName=self._queue_name)["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=yaml.dump(page, Dumper=yaml.CSafeDumper))


def create(settings: Mapping[str, Any], secrets: Secrets) -> Pager:
    return Pager(settings["queue_name"], secrets["code"])
