"""batchbell's conformance tests, against a fake of Teams."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from batchbell_teams.notifier import create

from batchbell.conformance import NotifierConformance, Request, Response, WebhookEndpoint
from batchbell.contract import Notifier

REQUEST_LIMIT = 21_000  # bytes; less than the 28 KB that Microsoft names (see batchbell_teams.card)
BUTTONS = 6
URL = re.compile(r"https://[A-Za-z0-9.-]+(?:[/?#][!-;=?-~]*)?")


class TeamsEndpoint(WebhookEndpoint):
    """Responds with 202, as a workflow without a Response action does.

    Unlike Teams, it refuses a card that would not be shown as intended.
    """

    success = Response(202, "")

    def find_problem(self, request: Request) -> str | None:
        return next(problems(request), None)


def problems(request: Request) -> Iterator[str]:
    if request.method != "POST" or request.headers.get("content-type") != "application/json":
        yield "it is not a POST of JSON"
    if len(request.body) > REQUEST_LIMIT:
        yield f"it has {len(request.body):,} bytes, more than {REQUEST_LIMIT:,}"
    payload = json.loads(request.body)
    (attachment,) = payload["attachments"]
    card = attachment["content"]
    shape = (payload["type"], attachment["contentType"], card["type"])
    if shape != ("message", "application/vnd.microsoft.card.adaptive", "AdaptiveCard"):
        yield f"{shape} is not a message with an Adaptive Card"
    for element in card["body"]:
        yield from problems_of_element(element)
    actions = card.get("actions", [])
    if len(actions) > BUTTONS or not all(action["title"].strip() for action in actions):
        yield "it has too many buttons, or one without a title"
    for link in (*actions, *links(card["body"])):
        if link["type"] != "Action.OpenUrl" or not URL.fullmatch(link["url"]):
            yield f"{link['type']} {link['url']!r} is not a link to a web page"


def problems_of_element(element: dict[str, Any]) -> Iterator[str]:
    if element["type"] != "RichTextBlock":
        yield f"Teams interprets Markdown in a {element['type']}"
        return
    for run in element["inlines"]:
        text = run if isinstance(run, str) else run["text"]
        if not text:
            yield "a run of text is empty"
        if "{{" in text:
            yield "a card expands {{DATE(…)}}"
        if re.search("[\x00-\x1f\x7f\u2028\u202e\ud800-\udfff]", text):
            yield f"control characters in {text[:80]!r}"


def links(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for inner in value:
            yield from links(inner)
    elif isinstance(value, dict):
        if "selectAction" in value:
            yield value["selectAction"]
        yield from links(list(value.values()))


class TestTeams(NotifierConformance):
    endpoint_type = TeamsEndpoint

    def make(self, endpoint: TeamsEndpoint) -> Notifier:
        return create({}, {"webhook": endpoint.secret("webhook")})
