"""A message in the format of each service, within its limits."""

from __future__ import annotations

import dataclasses
import json

import pytest
from apprise import NotifyBase, NotifyFormat

from batchbell.conformance import messages
from batchbell.contract import Command, Message
from notifiers.apprise.target import open_target
from notifiers.apprise.text import write

DISCORD, NTFY, GATEWAY = "discord://123/abc", "ntfy://topic", f"sinch://{'a' * 32}:{'b' * 32}@15551234567/15557654321"
MAIL, PAGERDUTY, MATTERMOST = "mailto://a:b@example.com", f"pagerduty://{'a' * 32}@{'b' * 20}", "mmost://host/token"


def plugin(url: str) -> NotifyBase:
    return open_target(url)


@pytest.mark.parametrize(
    ("url", "form", "title"),
    [
        (DISCORD, NotifyFormat.MARKDOWN, True),  # it shows Markdown in what it gets as text
        (f"{DISCORD}?format=text", NotifyFormat.TEXT, True),
        (NTFY, NotifyFormat.TEXT, True),
        (f"{NTFY}?format=markdown", NotifyFormat.MARKDOWN, True),
        (MAIL, NotifyFormat.HTML, True),
        (f"{MAIL}?format=text", NotifyFormat.TEXT, True),
        (f"pover://{'u' * 30}@{'a' * 30}", NotifyFormat.TEXT, True),
        ("gchat://space/key/token", NotifyFormat.MARKDOWN, False),
        (PAGERDUTY, NotifyFormat.TEXT, False),
        (GATEWAY, NotifyFormat.TEXT, False),
    ],
)
def test_the_format_is_the_services_and_a_title_without_a_place_of_its_own_begins_the_body(
    url: str, form: NotifyFormat, title: bool, failed: Message
) -> None:
    text = write(failed, plugin(url))
    assert text.format is form
    assert (text.title == failed.title) is title
    assert text.body.startswith("Array job on" if title else failed.title)


@pytest.mark.parametrize("kind", messages.MESSAGES)
@pytest.mark.parametrize("url", [DISCORD, NTFY, GATEWAY, MAIL, PAGERDUTY])
def test_no_message_is_longer_than_its_service_takes(url: str, kind: str) -> None:
    service = plugin(url)
    text = write(messages.MESSAGES[kind], service)
    shared = len(text.title) if service.overflow_amalgamate_title else 0
    assert len(json.dumps(text.body)) - 2 + shared <= service.body_maxlen
    assert len(text.title) <= max(0, service.title_maxlen)


@pytest.mark.parametrize("outcome", messages.OUTCOMES)
def test_a_text_message_to_a_phone_keeps_the_outcome(outcome: str) -> None:
    assert outcome in write(messages.long_named(outcome), plugin(GATEWAY)).body


def test_what_has_no_room_is_left_out_by_lines_and_shown_to_be_missing(huge: Message) -> None:
    body = write(huge, plugin(PAGERDUTY)).body
    assert body.splitlines()[-1] == "…"
    assert all(line in body for line in (huge.title, huge.summary, f"Note: {huge.notes[0]}"))


def test_markdown_of_a_job_is_shown_as_it_is_and_links_stay_links() -> None:
    message = dataclasses.replace(
        messages.succeeded(), summary="*a* _b_ [c](https://evil.example) | `d` #e 1. <f> &lt;"
    )
    body = write(message, plugin(DISCORD)).body
    shown = "\\*a\\* \\_b\\_ \\[c\\]\u200b(https://evil.example) \\| \\`d\\` #e 1. \\<\u200bf\\> \\&lt;"
    assert body.partition("  \n")[0] == shown
    assert f"<{message.links[0].url}>" in body


def test_a_mail_shows_the_markup_of_a_job_as_text() -> None:
    message = dataclasses.replace(messages.succeeded(), summary='a < b & "c" &lt;i&gt;', facts=())
    body = write(message, plugin(MAIL)).body
    assert body.partition("<br>")[0] == "a &lt; b &amp; &quot;c&quot; &amp;lt;i&amp;gt;"
    assert f'<a href="{message.links[0].url}">{message.links[0].url}</a>' in body


@pytest.mark.parametrize(
    "text", ["@everyone", "<!here>", "<@U123>", "<users/all>", "[Job](https://evil.example)", "<at>all"]
)
@pytest.mark.parametrize("url", [DISCORD, NTFY, MATTERMOST])
def test_no_text_of_a_job_mentions_anybody_or_hides_a_link(url: str, text: str) -> None:
    written = write(messages.hostile(f"x {text} y"), plugin(url))
    assert text not in f"{written.title}\n{written.body}".replace("\\", "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (NTFY, "To end:\n  end --id  1 * & x\n"),
        (DISCORD, "To end:  \n```\nend --id  1 * & x\n```  \n"),
        (MAIL, "To end:<br>\n<pre>end --id  1 * &amp; x</pre><br>\n"),
    ],
)
def test_a_command_is_shown_as_it_is_or_left_out(url: str, shown: str) -> None:
    commands = [Command("To end", "end --id  1 * & x")]
    commands += [Command("Not", line) for line in ("echo '@everyone'", "echo <no>", "echo ```")]
    body = write(dataclasses.replace(messages.warning(), commands=tuple(commands)), plugin(url)).body
    assert shown in body
    assert "echo" not in body
