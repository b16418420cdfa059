"""Variants of the pager with one mistake each."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from typing import Any

from batchbell.contract import Message, PermanentError, Secret, TemporaryError
from batchbell.texts import cut, tidy
from tests.conformance.pager import LIMITS, Pager, Reply


class SwallowsErrors(Pager):
    def send(self, message: Message) -> None:
        try:
            super().send(message)
        except (TemporaryError, PermanentError) as error:
            logging.getLogger("pager").error("not sent: %s", error.reason)


class RaisesAnything(Pager):
    def raise_for(self, reply: Reply) -> None:
        if reply.status != 202:
            raise OSError(f"the pager answered {reply.status}")
        super().raise_for(reply)


class TakesGoneForSent(Pager):
    def raise_for(self, reply: Reply) -> None:
        if reply.status != 404:
            super().raise_for(reply)


class TakesAnyWordForSent(Pager):
    def raise_for(self, reply: Reply) -> None:
        if reply.status != 202:
            super().raise_for(reply)


class GivesUpOnTrouble(Pager):
    def raise_for(self, reply: Reply) -> None:
        try:
            super().raise_for(reply)
        except TemporaryError as error:
            raise PermanentError(error.reason) from None


class FollowsRedirects(Pager):
    def post(self, url: str, body: str, headers: dict[str, str]) -> Reply:
        reply = super().post(url, body, headers)
        if reply.location is None:
            return reply
        return super().post(url.partition("/hook")[0] + reply.location, body, headers)


class IgnoresRetryAfter(Pager):
    def raise_for(self, reply: Reply) -> None:
        super().raise_for(reply._replace(retry_after=None))


class HasNoLimit(Pager):
    def post(self, url: str, body: str, headers: dict[str, str]) -> Reply:
        try:
            return self.exchange(url, body, headers, [])
        except OSError:
            raise TemporaryError("the pager gave no answer") from None


class DeniesThatItMayHaveArrived(Pager):
    def post(self, url: str, body: str, headers: dict[str, str]) -> Reply:
        try:
            return super().post(url, body, headers)
        except TemporaryError as error:
            raise TemporaryError(error.reason) from None


class SendsAgainAtOnce(Pager):
    def post(self, url: str, body: str, headers: dict[str, str]) -> Reply:
        try:
            return super().post(url, body, headers)
        except TemporaryError:
            return super().post(url, body, headers)


class SendsTwice(Pager):
    def send(self, message: Message) -> None:
        super().send(message)
        super().send(message)


class SharesState(Pager):
    def send(self, message: Message) -> None:
        self.message = message
        time.sleep(0.01)
        super().send(self.message)


class TakesOneThreadAlone(Pager):
    def __init__(self, webhook: Secret) -> None:
        super().__init__(webhook)
        self.sending = threading.Lock()

    def send(self, message: Message) -> None:
        if not self.sending.acquire(blocking=False):
            raise TemporaryError("another message is being sent")
        try:
            super().send(message)
        finally:
            self.sending.release()


class PutsMessagesTogether(Pager):
    def __init__(self, webhook: Secret) -> None:
        super().__init__(webhook)
        self.titles: list[str] = []
        self.adding = threading.Lock()

    def send(self, message: Message) -> None:
        with self.adding:
            self.titles.append(message.title)
        time.sleep(0.02)
        with self.adding:
            titles, self.titles = self.titles, []
        if titles:
            super().send(dataclasses.replace(message, title=" ".join(titles)))


class StaysDown(Pager):
    down = False

    def send(self, message: Message) -> None:
        if self.down:
            raise TemporaryError("the pager is down")
        try:
            super().send(message)
        except TemporaryError:
            self.down = True
            raise


class CutsNothing(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        return {"summary": f"{message.title}\n{message.failures}".replace("<", "&lt;")}


class LetsMentionsThrough(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        return {"summary": cut(self.clean(message).title, LIMITS["summary"])}


class LetsControlCharactersThrough(Pager):
    def clean(self, message: Message) -> Message:
        return message


class CutsTheOutcome(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        return {"summary": cut(self.clean(message).title, 100)}


class LosesTheTitle(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        return {"summary": "A job is done."}


class MakesHeadersOfTexts(Pager):
    def send(self, message: Message) -> None:
        lines = f"X-Job: {message.job_name}".splitlines()
        headers = dict(line.split(": ", 1) for line in lines if ": " in line and line.isascii() and len(line) < 100)
        self.raise_for(self.post(self.webhook.reveal(), json.dumps(self.render(message)), headers))


class FailsOnEmptyTexts(Pager):
    def clean(self, message: Message) -> Message:
        if not message.title:
            raise ValueError("no title")
        return tidy(message)


class ReadsItsSecretAtOnce(Pager):
    def __init__(self, webhook: Secret) -> None:
        super().__init__(webhook)
        webhook.reveal()


class TakesAnUnreadSecretForABug(Pager):
    def send(self, message: Message) -> None:
        try:
            self.webhook.reveal()
        except TemporaryError:
            raise PermanentError("no webhook") from None
        super().send(message)


class ExplainsInLines(Pager):
    def raise_for(self, reply: Reply) -> None:
        try:
            super().raise_for(reply)
        except PermanentError as error:
            raise PermanentError(f"{error.reason}\nand nobody knows why") from None


class NeverStopsExplaining(Pager):
    def raise_for(self, reply: Reply) -> None:
        try:
            super().raise_for(reply)
        except PermanentError as error:
            raise PermanentError(error.reason + ", and on" * 630) from None


class SendsTheTitleAlone(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        return {"summary": super().render(message)["summary"]}


class DropsNotes(Pager):
    def clean(self, message: Message) -> Message:
        return dataclasses.replace(tidy(message), notes=())


class ForgetsWhichJobsMayBeRepeats(Pager):
    def clean(self, message: Message) -> Message:
        jobs = tuple(dataclasses.replace(job, may_be_repeat=False) for job in message.jobs)
        return tidy(dataclasses.replace(message, jobs=jobs))


class KeepsItsFirstSecret(Pager):
    """Reads its secret once."""

    url = ""

    def send(self, message: Message) -> None:
        self.url = self.url or self.webhook.reveal()
        self.raise_for(self.post(self.url, json.dumps(self.render(message)), {}))

    def raise_for(self, reply: Reply) -> None:
        try:
            super().raise_for(reply)
        except PermanentError as error:
            if reply.status == 401:
                raise TemporaryError(error.reason) from None
            raise


class NeverReadsItsSecretAnew(Pager):
    """Takes what the Lambda has kept for the webhook, although the channel refuses it."""

    def rotated(self, url: str) -> str:
        return url


class TakesRetryAfterForANumber(Pager):
    def wait_of(self, reply: Reply) -> float | None:
        return None if not reply.retry_after else float(reply.retry_after)


class WaitsForever(Pager):
    def wait_of(self, reply: Reply) -> float | None:
        try:
            return super().wait_of(reply) or float(reply.retry_after or 0)
        except ValueError:
            return None


class LetsAnyLinkThrough(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        buttons = [] if any(ord(char) < 32 for link in message.links for char in link.label) else message.links
        return {**super().render(message), "buttons": [{"url": link.url} for link in buttons]}


class LinksLogsAnywhere(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        return {**super().render(message), "logs": [group.log.url for group in message.failures[:50] if group.log]}


class ChangesTheTitle(Pager):
    def send(self, message: Message) -> None:
        object.__setattr__(message, "title", tidy(message).title.upper())
        super().send(message)


class ChangesAFact(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        for fact in message.facts:
            object.__setattr__(fact, "value", fact.value.strip() + " ")
        return super().render(message)


class LeavesANoteInTheMessage(Pager):
    def send(self, message: Message) -> None:
        super().send(message)
        vars(message)["sent_by_the_pager"] = True


class EndsTheProcess(Pager):
    def send(self, message: Message) -> None:
        raise SystemExit("the pager is not configured")


class InterruptsTheProcess(Pager):
    def raise_for(self, reply: Reply) -> None:
        if reply.status >= 500:
            raise KeyboardInterrupt
        super().raise_for(reply)


class EndsTheProcessWhenItIsMade(Pager):
    def __init__(self, webhook: Secret) -> None:
        raise SystemExit("the pager is not configured")


class EndsTheProcessWhenItIsShown(Pager):
    def __repr__(self) -> str:
        raise KeyboardInterrupt
