"""Variants of the pager that can update, with one mistake each."""

from __future__ import annotations

import dataclasses
import http.client
import json
import uuid
from typing import Any

from batchbell.contract import Message, PermanentError, Secret, TemporaryError
from batchbell.texts import cut
from tests.conformance.updating_pager import UpdatingPager


class UpdatesByPosting(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        self.send(message)


class UpdatesTheLastPage(UpdatingPager):
    def send(self, message: Message) -> Any:
        self.last = super().send(message)
        return self.last

    def update(self, message: Message, receipt: str) -> None:
        super().update(message, self.last)


class UpdatesTheTitleAlone(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        self.page(dataclasses.replace(message, summary="", facts=(), links=()), {"replaces": receipt})


class LetsMentionsThroughInUpdates(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        self.page(message, {"replaces": receipt, "summary": cut(self.clean(message).title, 200)})


class CutsNothingInUpdates(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        self.page(message, {"replaces": receipt, "details": str(message).replace("<", "&lt;")})


class SwallowsErrorsOfUpdates(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        try:
            super().update(message, receipt)
        except (TemporaryError, PermanentError):
            return


class GivesUpUpdates(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        try:
            super().update(message, receipt)
        except TemporaryError as error:
            raise PermanentError(error.reason) from None


class DeniesThatTheUpdateMayHaveArrived(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        try:
            super().update(message, receipt)
        except TemporaryError as error:
            raise TemporaryError(error.reason, error.retry_after) from None


class HasNoLimitForUpdates(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        body = json.dumps({**self.render(message), "replaces": receipt})
        try:
            self.raise_for(self.exchange(self.webhook.reveal(), body, {}, []))
        except (OSError, http.client.HTTPException):
            raise TemporaryError("the pager gave no answer") from None


class UpdatesOnce(UpdatingPager):
    def __init__(self, webhook: Secret) -> None:
        super().__init__(webhook)
        self.updated: set[str] = set()

    def update(self, message: Message, receipt: str) -> None:
        if message.title in self.updated:
            raise PermanentError("nothing has changed")
        super().update(message, receipt)
        self.updated.add(message.title)


class CountsUpdates(UpdatingPager):
    updates = 0

    def update(self, message: Message, receipt: str) -> None:
        self.updates += 1
        super().update(message.with_note(f"Update {self.updates}"), receipt)


class ChangesTheMessageInUpdates(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        object.__setattr__(message, "reply_to", receipt)
        super().update(message, receipt)


class PrintsTheWebhookInUpdates(UpdatingPager):
    def update(self, message: Message, receipt: str) -> None:
        print(f"updating by {self.webhook.reveal()}")
        super().update(message, receipt)


class GivesNoReceipt(UpdatingPager):
    def send(self, message: Message) -> Any:
        super().send(message)


class GivesALongReceipt(UpdatingPager):
    def send(self, message: Message) -> Any:
        return super().send(message) + "-" * 200


class GivesOneReceiptForAll(UpdatingPager):
    def send(self, message: Message) -> Any:
        return super().send(message)[:1]


class GivesItsSecretAsReceipt(UpdatingPager):
    def send(self, message: Message) -> Any:
        return f"{self.webhook.reveal()}/{super().send(message)}"


class GivesTheAnswerAsReceipt(UpdatingPager):
    def send(self, message: Message) -> Any:
        return json.dumps({"page": super().send(message), "id": uuid.uuid4().hex}, indent=1)


class RepliesToNothing(UpdatingPager):
    def send(self, message: Message) -> Any:
        return self.page(message, {})


class CutsCommands(UpdatingPager):
    def clean(self, message: Message) -> Message:
        message = super().clean(message)
        commands = tuple(dataclasses.replace(one, line=cut(one.line, 60)) for one in message.commands)
        return dataclasses.replace(message, commands=commands)


class WritesCommandsAnew(UpdatingPager):
    """Leaves out what the shell would not need."""

    def clean(self, message: Message) -> Message:
        message = super().clean(message)
        commands = tuple(dataclasses.replace(one, line=" ".join(one.line.split())) for one in message.commands)
        return dataclasses.replace(message, commands=commands)


class UpdatesUntested(UpdatingPager):
    """Its test is a NotifierConformance."""
