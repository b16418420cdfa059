"""Pages through an SQS queue, with a list of the modules that the process has loaded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import yaml

from batchbell.aws_clients import make_client
from batchbell.aws_errors import call_aws
from batchbell.contract import Message, PermanentError, Secret, Secrets
from batchbell.texts import as_text, cut, tidy
from batchbell.time_limit import Connections

TEXT_LIMIT = 100_000  # characters; YAML may take ten bytes for one, and SQS 1 MiB for a page
NO_QUEUE = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
PERMANENT = (*NO_QUEUE, "InvalidMessageContents")


class Pager:
    def __init__(self, queue_name: str, code: Secret) -> None:
        self._queue_name = queue_name
        self._code = code
        self._sqs: Any = None
        self._connections = Connections()

    def send(self, message: Message) -> None:
        message = tidy(message)
        page = {"title": message.title, "text": cut(as_text(message), TEXT_LIMIT), "modules": sorted(sys.modules)}
        try:
            self._page(page)
        except PermanentError:
            if not self._code.refresh():
                raise
            self._page(page)

    def _page(self, page: Mapping[str, Any]) -> None:
        body = yaml.dump({**page, "code": self._code.reveal()}, Dumper=yaml.CSafeDumper)
        call_aws("SQS", lambda: self._put(body), PERMANENT, every_message=NO_QUEUE, connections=self._connections)

    def _put(self, body: str) -> Mapping[str, Any]:
        if self._sqs is None:
            self._sqs = make_client("sqs")
        url = self._sqs.get_queue_url(QueueName=self._queue_name)["QueueUrl"]
        response: Mapping[str, Any] = self._sqs.send_message(QueueUrl=url, MessageBody=body)
        return response


def create(settings: Mapping[str, Any], secrets: Secrets) -> Pager:
    return Pager(settings["queue_name"], secrets["code"])
