"""Messages as the dispatcher composes them: one of each kind, huge ones and hostile ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from batchbell.contract import Command, DigestEntry, Fact, FailureGroup, Link, Message, Progress, Severity, Tag
from batchbell.wire import BOARD, MessageKind, Status

CONSOLE = "https://us-east-1.console.aws.amazon.com"
JOB = "arn:aws:batch:us-east-1:123456789012:job/0b5e1c3a-1111-4222-8333-444455556666"
GOOD_LINK = "https://example.com/ok"
BAD_LINKS = ("javascript:alert(1)", "https://evil.example/>|<!channel>")
# Each is a link's URL in one message: a browser may take it for a script, a page of its own or a file, or it ends the
# markup that it is put into. The word tells which one arrived.
WRONG_LINKS: Mapping[str, str] = {
    "wrong0script": "javascript:wrong0script()",
    "wrong1case": "JaVaScRiPt:wrong1case()",
    "wrong2blank": " javascript:wrong2blank()",
    "wrong3break": "java\nscript:wrong3break()",
    "wrong4data": "data:text/html,wrong4data",
    "wrong5vb": "vbscript:wrong5vb()",
    "wrong6file": "file:///etc/wrong6file",
    "wrong7plain": "http://evil.example/wrong7plain",
    "wrong8host": "//evil.example/wrong8host",
    "wrong9markup": "https://evil.example/>|wrong9markup<!channel>",
    "wrong10quote": 'https://evil.example/"onclick=wrong10quote',
}
# Names and errors that a job may have: markup of many channels, control characters, line breaks.
HOSTILE_TEXTS: Mapping[str, str] = {
    "mentions": "<!channel> <@U123> @everyone @here <at>all</at> <https://evil.example|Job in the console>",
    "markdown": "*bold* _it_ `code` ```block``` ~no~ :100: [Job](https://evil.example) ![](https://evil.example/x.png)",
    "entities": "&amp; &lt;b&gt; &#60;b&#62; <b>",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>\"' javascript:alert(1)",
    "html-end": "</title><style>*{display:none}</style><iframe src=//evil.example><!-- e\u0301\u0301\u0301",
    "json": '"}], "text": "another", "x": [{"\\\\": "\\u0000',
    "headers": "line\r\nBcc: victim@example.com\r\n\r\nbody\x00\x1b[31m\u2028end",
    "encoded-words": "=?utf-8?q?urgent=0D=0ABcc:_victim@example.com?= =?utf-8?b?YQ0KQmNjOiB2?=",
    "surrogates": "lone \ud800 surrogate \udfff and \ufffe",
    "direction": "\u202egnp.exe \u2066right to left",
    "control": "".join(map(chr, [*range(32), *range(127, 160)])),
    "long": "x" * 10_000,
    "long-emoji": "🦊" * 3_000,
    "empty": "",
    "blank": "   \n\t ",
}


def succeeded() -> Message:
    """An array job whose children all succeeded."""
    return Message(
        key=f"{JOB}#SUCCEEDED",
        kind=MessageKind.ARRAY_JOB,
        status="SUCCEEDED",
        severity=Severity.SUCCESS,
        title="print-color: all 7 children succeeded",
        summary="Array job on print-color-queue, 3 min 20 s after it was submitted",
        job_name="print-color",
        facts=(Fact("Queue", "print-color-queue"), Fact("Duration", "3 min 20 s"), Fact("Children", "7")),
        links=(Link("Job in the console", f"{CONSOLE}/batch/home?region=us-east-1#jobs/detail/0b5e1c3a"),),
        queue="print-color-queue",
        thread=JOB,
    )


def failed() -> Message:
    """An array job with three failed children in two groups; the message may be a repeat."""
    log = f"{CONSOLE}/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Faws$252Fbatch$252Fjob"
    return dataclasses.replace(
        succeeded(),
        key=f"{JOB}#FAILED",
        status="FAILED",
        severity=Severity.FAILURE,
        title="print-color: 3 of 7 children failed",
        failures=(
            FailureGroup(
                "Essential container in task exited",
                2,
                "2, 5",
                1,
                Link("Log of child 2", log),
                log_lines=("Traceback (most recent call last):", '  File "paint.py", line 7', "no colour left"),
            ),
            FailureGroup(
                "Host EC2 (instance i-0123) terminated.",
                1,
                "6",
                meaning="Its instance was ended: on Spot often reclaimed by EC2.",
                log_problem="There was no log when this message was written.",
            ),
        ),
        notes=("This may be a repeat: the first answer was lost.",),
    )


# What a title says of a job, with the longest counts.
OUTCOMES = ("succeeded: all 10,000 children", "failed: at least 9,999 of 10,000 children")


def long_named(outcome: str) -> Message:
    """A message about a job whose name is as long as AWS Batch allows."""
    name = "n" * 128
    return dataclasses.replace(failed(), title=f"{name} {outcome}", job_name=name)


def single_job() -> Message:
    return dataclasses.replace(
        failed(),
        kind=MessageKind.SINGLE_JOB,
        title="print-color failed",
        failures=(FailureGroup("Essential container in task exited", 1, "", 137),),
    )


def digest(jobs: int = 100) -> Message:
    """Many jobs in one message: a tenth of them failed, and these come first."""
    entries = tuple(
        DigestEntry(
            f"nightly-render-of-the-whole-catalogue-in-four-resolutions-{number:03} "
            + ("failed: 3 of 7 children" if number < jobs // 10 else "succeeded: all 7 children"),
            Severity.FAILURE if number < jobs // 10 else Severity.SUCCESS,
            Link("Job in the AWS console", f"{CONSOLE}/batch/home?region=us-east-1#jobs/detail/{number:036}"),
            may_be_repeat=number % 7 == 0,
        )
        for number in range(jobs)
    )
    return dataclasses.replace(
        succeeded(),
        key="digest#5f3c",
        kind=MessageKind.DIGEST,
        status="FAILED",
        severity=Severity.FAILURE,
        title=f"{jobs} jobs finished: {jobs // 10} failed, {jobs - jobs // 10} succeeded",
        summary="Many jobs finished at about the same time: this message lists them all",
        job_name=f"{jobs} names",
        facts=(Fact("Failed", str(jobs // 10)), Fact("Succeeded", str(jobs - jobs // 10))),
        links=(),
        jobs=entries,
    )


def dead_channel() -> Message:
    """Another notifier is down."""
    return Message(
        key="dead-channel#ops#2026-01-01T00",
        kind=MessageKind.DEAD_CHANNEL,
        status="FAILED",
        severity=Severity.WARNING,
        title="Notifier ops is down: 12 messages could not be delivered",
        summary="Slack answered 404 no_service",
        job_name="ops",
        notes=("What it did not take is in the dead-letter queue.",),
    )


# Command lines that many channels would change: by markup, by folding, by cutting.
COMMANDS = (
    Command("To end the job", "zz0end terminate-job --job-id 0b5e1c3a-1111 --reason 'no  colour & <no> \"paint\"'"),
    Command(
        "To see its children", "zz1list list-jobs --array-job-id 0b5e1c3a-1111 --filters " + "name=paint_*,x=`1` " * 12
    ),
)


def warning() -> Message:
    """An array job that still runs, of which many children have failed, with command lines to copy."""
    return dataclasses.replace(
        failed(),
        key=f"{JOB}#{Status.EARLY}",
        kind=MessageKind.EARLY_FAILURES,
        status=Status.EARLY,
        severity=Severity.WARNING,
        title="print-color is running: 3 of the first 5 children failed",
        summary="Array job on print-color-queue, running for 3 min 20 s",
        notes=(),
        commands=COMMANDS,
    )


def running(finished: int = 5) -> Message:
    """How far an array job is: what a live message shows."""
    return dataclasses.replace(
        warning(),
        key=f"{JOB}{BOARD}",
        kind=MessageKind.PROGRESS,
        status=Status.RUNNING,
        severity=Severity.INFO,
        title=f"print-color is running: {finished:,} of 10,000 children done, 3 failed",
        commands=(),
        failures=(),
        progress=Progress(10_000, finished, 3, finished + 64),
    )


def opening() -> Message:
    """What a live message shows first."""
    return dataclasses.replace(
        running(), title="print-color: 10,000 children, how far it is follows here", facts=(), progress=None
    )


def as_live(message: Message) -> Message:
    """Return the message as what a live message shows at last."""
    return dataclasses.replace(message, key=f"{JOB}{BOARD}", kind=MessageKind.PROGRESS)


def huge() -> Message:
    """10,000 children that failed for 10,000 long reasons."""
    groups = tuple(FailureGroup(f"{number} " + 'é"\\' * 300, 1, str(number), 1) for number in range(10_000))
    return dataclasses.replace(failed(), failures=groups)


def crowded() -> Message:
    """Many facts, notes and long links."""
    return dataclasses.replace(
        failed(),
        facts=tuple(Fact(f"Job {number}", "v" * 500) for number in range(100)),
        links=tuple(Link(f"Link {number}", f"https://example.com/{'p' * 1500}") for number in range(10)),
        notes=tuple("n" * 900 for _ in range(30)),
    )


def long_digest() -> Message:
    """100 jobs with names twice as long as AWS Batch allows, and not in ASCII."""
    message = digest()
    return dataclasses.replace(
        message, jobs=tuple(dataclasses.replace(job, title="é" * 256 + job.title) for job in message.jobs)
    )


def long_logs() -> Message:
    """The longest ends of logs: 50 lines for each of the three largest groups."""
    lines = tuple(f"{number:02} " + 'é"\\<' * 70 for number in range(50))
    message = failed()
    groups = tuple(
        dataclasses.replace(message.failures[0], indexes=str(number), log_lines=lines) for number in range(3)
    )
    return dataclasses.replace(message, failures=(*groups, *message.failures))


def hostile(text: str) -> Message:
    """A message in which every text is `text`. Of its links, only `GOOD_LINK` may be shown as a link."""
    return dataclasses.replace(
        failed(),
        title=text,
        summary=text,
        job_name=text,
        queue=text,
        thread=text,
        facts=tuple(Fact(text, text) for _ in range(7)),
        failures=(FailureGroup(text, 3, text, 1, Link(text, BAD_LINKS[0]), text, ("a line of the log", text), text, 2),)
        * 3,
        commands=(Command(text, text), Command(text, f"echo {text}")),
        owner=text,
        tags=(Tag(text, text), Tag("team", text)),
        notes=(text,) * 12,
        links=(Link(text, GOOD_LINK), Link(text, BAD_LINKS[1])),
        jobs=tuple(DigestEntry(text, Severity.FAILURE, Link(text, url), True) for url in (GOOD_LINK, *BAD_LINKS)),
    )


def wrongly_linked() -> Message:
    """A message in which each link is one of `WRONG_LINKS`."""
    links = tuple(Link("Job in the console", url) for url in WRONG_LINKS.values())
    return dataclasses.replace(
        failed(),
        links=links,
        failures=tuple(FailureGroup("Essential container in task exited", 1, "2", 1, link) for link in links),
        jobs=tuple(DigestEntry("nightly failed", Severity.FAILURE, link) for link in links),
    )


MESSAGES: Mapping[str, Message] = {
    "succeeded": succeeded(),
    "failed": failed(),
    "single job": single_job(),
    "digest": digest(),
    "dead channel": dead_channel(),
    "warning": warning(),
    "10000-failures": huge(),
    "many-facts": crowded(),
    "long-digest": long_digest(),
    "long-logs": long_logs(),
}
