"""`preview`: one HTML page with every kind of message from every notifier of a stack, as its channel would show it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from batchbell.cli.errors import CommandFailed, reporting_errors, show_activity
from batchbell.cli.events.event_file import message_of, parse_event, read_event
from batchbell.cli.rendering.local_notifiers import make_local_notifier
from batchbell.cli.rendering.page import Drawing, PreviewRow, write_page
from batchbell.cli.rendering.sample_messages import SampleMessage, sample_messages
from batchbell.cli.stack_settings import asked_of_messages, read_stack_settings, short_name
from batchbell.contract import Message
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.origin import Origin
from batchbell.plugins import Plugin, PluginError
from batchbell.preview import Part
from batchbell.terminal import Screen, print_json
from batchbell.texts import as_text, tidy
from batchbell.wire import MessageKind

NOT_DRAWN = 1  # exit code
UNFILTERED = (MessageKind.DEAD_CHANNEL, MessageKind.TEST)  # kinds that reach every notifier

EPILOG = """
[bold]Examples[/bold]

batchbell preview --out preview.html

batchbell preview --stack production --event event.json

batchbell preview --json | jq -r .page

[bold]Exit codes[/bold]   0: the page is written · 1: the stack's settings are invalid, or a notifier could not draw a \
message (the page is written and says which) · 2: no page (no such stack, no event, a file that cannot be written), or \
wrong arguments

The command reads only the stack's file: no AWS, no secret, no network. The page fetches nothing either.
"""


def command(
    out: Annotated[Path, typer.Option(help="The file to write.", metavar="FILE")] = Path("preview.html"),
    event: Annotated[
        str,
        typer.Option(help="Show this EventBridge event (- for standard input), not the samples.", metavar="FILE"),
    ] = "",
    stack: Annotated[str, typer.Option(help="Reads Pulumi.<stack>.yaml.", envvar="PULUMI_STACK")] = "print-color",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Write an HTML page with every kind of message from every notifier of a stack, as its channel would show it."""
    with reporting_errors(), show_activity("Drawing"):
        settings, stack = read_stack_settings(stack), short_name(stack)
        choices = settings.notifiers
        if not choices:
            raise CommandFailed(f"the stack {stack} has no notifiers: add some to Pulumi.{stack}.yaml")
        origin = Origin(stack, f"{stack}-bell-dispatcher", ZoneInfo(settings.time_zone))
        asked = asked_of_messages(settings)
        samples = [_own(event, origin, asked)] if event else list(sample_messages(origin, **asked))
        rows = draw(samples, choices)
        source = f"the event in {event}" if event else "sample events"
        about = f"What {len(choices)} notifiers of the stack {stack} would send, from {source}. Nothing was sent."
        _write(out, write_page(f"batchbell · {stack}", about, rows))
    broken = [f"{drawing.notifier}: {drawing.problem}" for row in rows for drawing in row.drawings if drawing.problem]
    if as_json:
        print_json(_to_dict(out, stack, rows))
    else:
        Screen().print(f"{out}: {len(rows)} kinds of message from {len(choices)} notifiers", soft_wrap=True)
    for problem in dict.fromkeys(broken):
        Screen(stderr=True).print(problem, soft_wrap=True)
    if broken:
        raise typer.Exit(NOT_DRAWN)


def draw(samples: Sequence[SampleMessage], choices: Sequence[Any]) -> Sequence[PreviewRow]:
    """Draw every sample with every notifier. `choices`: the settings' notifiers."""
    made = [(choice, make_local_notifier(choice)) for choice in choices]
    return [
        PreviewRow(
            sample.title, sample.message, [_show(choice.plugin, instance, sample.message) for choice, instance in made]
        )
        for sample in samples
    ]


def _show(plugin: Plugin, instance: Instance, message: Message) -> Drawing:
    left_out = not (instance.takes_message(message) or message.kind in UNFILTERED)
    left_out = left_out or (message.kind == MessageKind.PROGRESS and not instance.progress)
    try:
        # A copy: a plug-in may change what it gets.
        return Drawing(
            instance.name, plugin.type, _parts(plugin, instance, instance.shown(copy.deepcopy(message), {})), left_out
        )
    except (Exception, SystemExit) as error:
        # A plug-in's exception must not hide the other notifiers.
        problem = (
            str(error) if isinstance(error, PluginError) else f"its preview raised {type(error).__name__}: {error}"
        )
        return Drawing(instance.name, plugin.type, left_out=left_out, problem=problem)


def _parts(plugin: Plugin, instance: Instance, message: Message) -> Sequence[Part]:
    module = plugin.preview()
    if module is None:
        return (Part("The message as text", as_text(tidy(message))),)
    parts: Sequence[Part] = module.preview(instance.notifier, message).parts
    return parts


def _own(source: str, origin: Origin, asked: Mapping[str, Any]) -> SampleMessage:
    return SampleMessage("Your event", message_of(parse_event(read_event(source)), origin.zone, **asked))


def _write(file: Path, page: str) -> None:
    try:
        file.write_text(page, "utf-8")
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from None


def _to_dict(file: Path, stack: str, rows: Sequence[PreviewRow]) -> dict[str, Any]:
    return {
        "page": str(file),
        "stack": stack,
        "kinds": [{"title": row.title, "kind": row.message.kind, "message": row.message.title} for row in rows],
        "notifiers": [
            {
                "name": drawing.notifier,
                "type": drawing.type,
                "parts": [part.label for part in drawing.parts],
                "problem": drawing.problem or None,
            }
            for drawing in rows[0].drawings
        ],
    }
