"""`explain`: whether a stack's rule matches an event, which fields do not match, and what would be sent."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.panel import Panel

from batchbell.cli.errors import CommandFailed, reporting_errors, show_activity
from batchbell.cli.events.event_file import message_of, parse_if_known, read_event
from batchbell.cli.events.mismatch_reasons import Mismatch
from batchbell.cli.events.verdict import judge
from batchbell.cli.rendering.local_notifiers import make_local_notifier
from batchbell.cli.stack_settings import asked_of_messages, components, read_stack_settings
from batchbell.contract import Message
from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.dispatcher.records.job import Job
from batchbell.terminal import Screen, block, line, print_json, to_json

EPILOG = """
[bold]Examples[/bold]

batchbell explain event.json

batchbell explain event.json --stack production --json

aws sqs receive-message … | jq -r '.Messages[0].Body' | batchbell explain - --queue arn:aws:batch:…

[bold]Exit codes[/bold]   0: explained, whether it matches or not · 1: the stack's settings are invalid · \
2: no event, no such stack, or wrong arguments
"""

TAGS_NOT_LOOKED_UP = "The job's tags are looked up when the message is sent, and then filtered."
ARN_PREFIX = re.compile(r"arn:aws[a-z-]*:batch:[a-z0-9-]+:\d{12}")


@dataclass(frozen=True)
class Explanation:
    """The output of `--json`."""

    rule: str  # "finished" or "blocked"
    pattern: Mapping[str, Any]
    matches: bool
    why: str  # in one sentence
    mismatches: Sequence[Mismatch]  # in the pattern's order
    job: Mapping[str, Any] | None
    message: Mapping[str, Any] | None
    renderings: Mapping[str, Any]  # by notifier; None: its filters leave the message out


def command(
    event: Annotated[
        str, typer.Argument(metavar="EVENT.json", help="A file with one EventBridge event, or - for standard input.")
    ],
    stack: Annotated[str, typer.Option(help="Reads Pulumi.<stack>.yaml.", envvar="PULUMI_STACK")] = "print-color",
    queue: Annotated[list[str] | None, typer.Option(help="ARN of a job queue to watch instead of the stack's.")] = None,
    job_definition: Annotated[
        list[str] | None, typer.Option(help="ARN of a job definition to watch instead of the stack's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show whether the stack's rule matches an event, if not why not, and what each notifier would send."""
    with reporting_errors(), show_activity("Reading the stack's settings"):
        explanation = explain(read_event(event), read_stack_settings(stack), queue or [], job_definition or [])
    if as_json:
        print_json(asdict(explanation))
    else:
        _show(explanation, Screen())


def explain(event: Mapping[str, Any], settings: Any, queues: list[str], definitions: list[str]) -> Explanation:
    """Compare an event with the patterns of a stack's rules.

    event: an EventBridge event.
    settings: the stack's settings.
    queues, definitions: ARNs to watch instead of the stack's, if any are given.

    Raises CommandFailed.
    """
    parsed = parse_if_known(event)
    job = parsed.job if isinstance(parsed, BlockedQueue) else parsed
    verdict = judge(_patterns(settings, _arn_prefix(job, event), queues, definitions), event)
    zone = ZoneInfo(settings.time_zone)
    message = message_of(parsed, zone, **asked_of_messages(settings)) if parsed else None
    return Explanation(
        rule=verdict.rule,
        pattern=verdict.pattern,
        matches=verdict.matches,
        why=verdict.why,
        mismatches=verdict.mismatches,
        job=_job_fields(job) if job else None,
        message=message.to_dict() if message else None,
        renderings=_renderings(settings, message, job.tags) if message and job else {},
    )


def _job_fields(job: Job) -> Mapping[str, Any]:
    return {**asdict(job), "role": job.role}


def _patterns(settings: Any, arn_prefix: str, queues: list[str], definitions: list[str]) -> Sequence[Mapping[str, Any]]:
    """Return the patterns of the stack's rules.

    arn_prefix: the event's account and region, in which a queue that the stack itself creates is assumed to be.
    """
    arns, patterns = components("settings.arns"), components("event_patterns")
    if not (queues or definitions):
        queues, definitions = list(settings.job_queue_arns), list(settings.job_definition_arns)
        if settings.environment is not None:
            queues.append(f"{arn_prefix}:job-queue/{settings.environment.name}-queue")
    problems = [problem for arn in queues if (problem := arns.queue_problem(arn))]
    problems += [problem for arn in definitions if (problem := arns.definition_problem(arn))]
    if problems:
        raise CommandFailed("; ".join(problems))
    finished = patterns.finished_job_pattern(settings.statuses, queues, definitions, single_jobs=settings.single_jobs)
    return [finished, *([patterns.blocked_queue_pattern(queues, definitions)] if settings.queue_blocked else [])]


def _arn_prefix(job: Job | None, event: Mapping[str, Any]) -> str:
    """Return the beginning of ARNs in the event's account and region, such as "arn:aws:batch:us-east-1:1234…"."""
    envelope = f"arn:aws:batch:{event.get('region')}:{event.get('account')}"
    texts = (job.arn if job else "", envelope)
    prefix = next(filter(None, (ARN_PREFIX.match(str(text)) for text in texts)), None)
    return prefix[0] if prefix else "arn:aws:batch:us-east-1:000000000000"


def _renderings(settings: Any, message: Message, tags: Mapping[str, str] | None) -> Mapping[str, Any]:
    return {choice.name: _rendering(choice, message, tags) for choice in settings.notifiers}


def _rendering(choice: Any, message: Message, tags: Mapping[str, str] | None) -> Any:
    """Return what this notifier would send, or None if its filters leave the message out.

    tags: the job's; None if the event has none, and the function would look them up.

    For a plug-in without `render`, this is the message itself. Raises CommandFailed.
    """
    try:
        instance = make_local_notifier(choice)
        if not instance.takes(message.status, message.job_name, tags):
            return None
        if instance.tags and tags is None:
            message = message.with_note(TAGS_NOT_LOOKED_UP)
        message = instance.shown(message, {})
        render = getattr(instance.notifier, "render", None)
        return render(copy.deepcopy(message)) if render else message.to_dict()  # a plug-in may change what it gets
    except Exception as error:  # its text may be anything
        raise CommandFailed(f"the notifier {choice.name} cannot show the message: {type(error).__name__}") from None


def _show(explanation: Explanation, screen: Screen) -> None:
    rule = {"finished": "finished jobs", "blocked": "blocked job queues"}[explanation.rule]
    if explanation.matches:
        screen.print(line(f"The rule for {rule} ", ("matches", "green"), f": {explanation.why}"))
    else:
        screen.print(line(f"The rule for {rule} ", ("does not match", "yellow")))
    for one in explanation.mismatches:
        screen.print(line("  ", (one.meaning, "bold"), f". {one.hint}" if one.hint else ""), soft_wrap=True)
        screen.print(line(f"    {one.field}: {one.reason}", style="dim"), soft_wrap=True)
    screen.print(Panel(to_json(explanation.pattern), title="The stack's event pattern", title_align="left"))
    if explanation.job:
        job = explanation.job
        screen.print(f"Job {job['name']} ({job['role']}), {job['status']}, id {job['id']}")
    for name, rendering in explanation.renderings.items():
        text = "nothing: its filters leave this message out" if rendering is None else to_json(rendering, indent=2)
        screen.print(Panel(block(text), title=line(f"{name} would send"), title_align="left", border_style="dim"))
