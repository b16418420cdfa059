from __future__ import annotations

from typing import Any

from batchbell.conformance.messages import failed
from notifiers.apprise.preview import preview


def test_a_preview_shows_plain_text_and_markdown_with_their_titles() -> None:
    not_used: Any = None
    message = failed()
    plain, markdown = preview(not_used, message).parts

    assert [fact.value for part in (plain, markdown) for fact in part.facts] == [message.title] * 2
    assert "](" not in plain.body
    assert markdown.body != plain.body
    assert all(fact.value in plain.body for fact in message.facts)
