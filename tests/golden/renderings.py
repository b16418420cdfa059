"""Renders each message with each built-in notifier, as text files for review."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from batchbell.contract import Message, Secret
from batchbell.texts import tidy
from notifiers.email import notifier as email
from notifiers.slack import notifier as slack
from notifiers.sns import notifier as sns
from tests.golden.messages import messages

FOLDER = Path(__file__).parent
COMMAND = "make golden"
# Whom the owner of a job concerns in Slack and by mail.
MENTIONS = {"mentions": {"alice@example.com": ["U0123456789"]}, "mention_statuses": ["FAILED"]}
OWNERS = {"owner_domains": ["example.com"]}


def renderings() -> Mapping[str, str]:
    """Return the renderings by file, such as "array-succeeded/slack.json"."""
    return {f"{name}/{file}": text for name, message in messages().items() for file, text in _renderings(tidy(message))}


def written() -> Mapping[str, str]:
    """Return the contents of the files."""
    return {str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in FOLDER.glob("*/*.*") if _is_ours(path)}


def write() -> None:
    """Write the files, and remove those of messages that no longer exist."""
    texts = renderings()
    for gone in written().keys() - texts.keys():
        (FOLDER / gone).unlink()
    for name, text in texts.items():
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text(text, "utf-8")


def _is_ours(path: Path) -> bool:
    return path.suffix in (".json", ".txt", ".html")


def _renderings(message: Message) -> Iterator[tuple[str, str]]:
    webhook = Secret("webhook", lambda fresh: "never read")
    yield "slack.json", _pretty(slack.create(MENTIONS, {"webhook": webhook}).render(message))
    settings = {"sender": "Batch <batch@example.com>", "recipients": ["team@example.com"], **OWNERS}
    mail = email.create(settings, {}).render(message)
    headers = "".join(f"{name}: {value}\n" for name, value in mail["headers"].items())
    yield "email.txt", f"{headers}\n{mail['text']}"
    yield "email.html", mail["html"]
    published = sns.create({"topic_arn": "arn:aws:sns:us-east-1:123456789012:ops"}, {}).render(message)
    yield "sns.txt", _publication(published)


def _publication(published: Mapping[str, Any]) -> str:
    """Format a publication: each text once, with its protocols, JSON indented."""
    parts = [f"Subject: {published['Subject']}\n"]
    parts += [f"{name}: {one['StringValue']}\n" for name, one in published["MessageAttributes"].items()]
    by_text: dict[str, list[str]] = {}
    for protocol, text in published["Message"].items():
        by_text.setdefault(text, []).append(protocol)
    for text, protocols in by_text.items():
        parts.append(f"\n--- {', '.join(protocols)}\n")
        parts.append(_pretty(json.loads(text)) if text.startswith("{") else f"{text.rstrip()}\n")
    return "".join(parts)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
