from __future__ import annotations

from batchbell_local.pulumi.redaction import Redaction


def test_a_learned_secret_is_removed_from_texts_and_structures():
    redaction = Redaction()
    redaction.learn(["hunter2", 'with "quotes"'])
    assert redaction.scrub("it is hunter2!") == "it is [secret]!"
    assert redaction.scrub_values({"a": ["hunter2", 1]}) == {"a": ["[secret]", 1]}
    assert redaction.scrub('{"v": "with \\"quotes\\""}') == '{"v": "[secret]"}'


def test_the_longer_of_two_secrets_is_removed_first():
    redaction = Redaction()
    redaction.learn(["token", "token-and-more"])
    assert redaction.scrub("token-and-more") == "[secret]"


def test_short_texts_are_left_alone():
    redaction = Redaction()
    redaction.learn(["a"])
    assert redaction.scrub("banana") == "banana"
