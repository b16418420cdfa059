from __future__ import annotations

import json
import re
import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from batchbell.cli import app
from batchbell.cli.preview import draw
from batchbell.cli.rendering.page import write_page
from batchbell.cli.rendering.sample_messages import SampleMessage, sample_messages
from batchbell.dispatcher.messages.origin import Origin
from batchbell.plugins import Plugin, find_plugins
from batchbell.wire import MessageKind, Status

KINDS = {"array-job", "single-job", "queue-blocked", "digest", "dead-channel", "test"} | {
    *("early-failures", "overdue", "stalled", "progress"),
}


@pytest.fixture
def preview(tmp_path, project, monkeypatch):
    """Run the command without a network; return its result and the page."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the preview used the network"))
    page = tmp_path / "page.html"

    def run(*arguments):
        result = CliRunner().invoke(app, ["preview", "--out", str(page), *arguments])
        return result, page.read_text() if page.exists() else ""

    return run


def test_every_kind_of_message_is_drawn_by_every_notifier_without_aws_or_a_secret(preview):
    result, page = preview("--json")
    answer = json.loads(result.stdout)

    assert {one["kind"] for one in answer["kinds"]} == KINDS
    assert [one["name"] for one in answer["notifiers"]] == ["slack", "email", "sns"]
    assert all(len(one["parts"]) >= 2 and one["problem"] is None for one in answer["notifiers"])
    sections = page.split("<section")[1:]
    assert len(sections) == len(answer["kinds"])
    for section in sections:
        assert re.findall(r"<h3>(\w+) ", section) == ["slack", "email", "sns"]
        assert section.count("<iframe") >= 3


def test_the_page_is_the_same_each_time_and_fetches_nothing(preview):
    _, first = preview()
    _, second = preview()

    assert first == second
    assert not re.search(r"<(?:link|img|object|embed)\b|\bsrc=|url\(|@import", first)


def test_a_notifier_whose_filters_leave_a_message_out_says_so(preview, project):
    _, page = preview("--stack", "production")
    left_out = ["Not sent" in section for section in page.split("<section")[1:]]
    titles = re.findall(r"</span>([^<]+)</h2>", page)

    assert {title for title, out in zip(titles, left_out, strict=True) if out} == {
        "Array job: all children succeeded",
        "Job queue: blocked",
        "Warning: early failures",
        "Warning: overdue",
        "Warning: stalled",
        "Live message, where a channel can edit: a Slack bot",
    }


def test_a_given_event_replaces_the_samples(preview, event, tmp_path):
    (tmp_path / "event.json").write_text(json.dumps(event("parent-failed")))
    result, page = preview("--event", str(tmp_path / "event.json"))

    assert result.exit_code == 0
    assert page.count("<section") == 1
    assert "nightly-render failed" in page
    assert "hunter2" not in page


@pytest.mark.parametrize("notifier", [one.type for one in find_plugins().values() if one.distribution is None])
def test_a_notifier_of_this_project_draws_its_own_preview(notifier):
    assert find_plugins()[notifier].preview() is not None


NOTIFIER = "def create(settings, secrets):\n    return object()\n"


@pytest.fixture
def choice(tmp_path, monkeypatch):
    """Make a third-party notifier with these modules."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(package, **modules):
        (tmp_path / package).mkdir()
        for name, text in {"__init__": "", "notifier": NOTIFIER, **modules}.items():
            (tmp_path / package / f"{name}.py").write_text(text)
        plugin = Plugin(package, package, "acme")
        return SimpleNamespace(
            name=f"my-{package}", plugin=plugin, settings={}, statuses=(), jobs=(), tags=None, log_lines=None
        )

    return make


def test_a_plug_in_is_shown_as_text_or_by_its_own_preview_and_a_broken_one_hides_no_other(choice):
    own = (
        "from batchbell.preview import Form, Part, Preview\n"
        "def preview(notifier, message):\n"
        "    return Preview((Part('Pager', f'beep {message.status}', Form.HTML), Part('Line', '<i>as it is</i>')))\n"
    )
    choices = [
        choice("acme_plain"),
        choice("acme_drawing", preview=own),
        choice("acme_broken", preview="def preview(notifier, message):\n    raise ValueError('no <b>ink</b>')\n"),
        choice("acme_unimportable", preview="import no_such_module\n"),
    ]
    rows = draw(list(sample_messages(Origin("production"))), choices)

    for row in rows:
        plain, drawing, broken, unimportable = row.drawings
        assert row.message.title in plain.parts[0].body
        assert [part.label for part in drawing.parts] == ["Pager", "Line"]
        assert (broken.parts, broken.problem) == ((), "its preview raised ValueError: no <b>ink</b>")
        assert "no_such_module" in unimportable.problem
    page = write_page("title", "about", rows)
    assert "beep FAILED" in page and "&lt;i&gt;as it is&lt;/i&gt;" in page and "no &lt;b&gt;ink&lt;/b&gt;" in page


def test_a_plug_in_that_changes_the_message_changes_it_for_no_other(choice):
    changes = (
        "from batchbell.preview import Part, Preview\n"
        "def preview(notifier, message):\n"
        "    object.__setattr__(message, 'title', 'another')\n"
        "    return Preview((Part('Line', 'x'),))\n"
    )
    (row, *_) = draw(list(sample_messages(Origin("production"))), [choice("acme_odd", preview=changes), choice("acme")])

    assert row.message.title != "another"
    assert row.message.title in row.drawings[1].parts[0].body


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["--stack", "nightly"], "no Pulumi.nightly.yaml", 2),
        (["--event", "README.md"], "is not JSON", 2),
        (["--out", "no/such/folder/page.html"], "cannot be written", 2),
    ],
)
def test_a_page_that_cannot_be_written_is_reported_on_one_line(preview, arguments, says, code):
    result, _ = preview(*arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_only_a_notifier_that_edits_is_shown_how_far_a_job_is():
    slack = find_plugins()["slack"]
    model = slack.infrastructure().Settings
    ways = (
        model(webhook={"config": "slackWebhook"}),
        model(token={"config": "slackToken"}, channel="C0123456789"),
    )
    choices = [
        SimpleNamespace(
            name=f"slack-{number}",
            plugin=slack,
            settings=way,
            statuses=(),
            jobs=(),
            tags=None,
            log_lines=None,
        )
        for number, way in enumerate(ways)
    ]
    (some_failed, *_) = sample_messages(Origin("production"))
    progress = replace(some_failed.message, kind=MessageKind.PROGRESS, status=Status.RUNNING)
    finished, running = draw([some_failed, SampleMessage("It runs", progress)], choices)

    assert [drawing.problem for drawing in (*finished.drawings, *running.drawings)] == [""] * 4
    assert [drawing.left_out for drawing in finished.drawings] == [False, False]
    assert [drawing.left_out for drawing in running.drawings] == [True, False]
