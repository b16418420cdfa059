from __future__ import annotations

import json

import pytest

from batchbell import stack_files as stack_config

PROJECT = """
name: tiny
runtime: python
config:
  size: {type: integer, default: 3, description: how many}
  tiny:names: {type: array, items: {type: string}, default: [a, b]}
  on: {type: boolean, default: false}
  fixed: {value: 7}
  plain: text
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    return tmp_path


def load(program, stack="dev", config=None, secrets=None):
    return stack_config.load(program, stack, config or {}, secrets or {})


def test_defaults_come_from_the_project_file_in_all_its_forms(program):
    assert load(program).values == {
        "tiny:size": "3",
        "tiny:names": '["a", "b"]',
        "tiny:on": "false",
        "tiny:fixed": "7",
        "tiny:plain": "text",
    }


def test_the_stack_file_overrides_the_defaults_and_the_caller_overrides_both(program):
    (program / "Pulumi.dev.yaml").write_text("config:\n  tiny:size: 4\n  tiny:plain: file\n  aws:region: us-east-1\n")
    values = load(program, config={"size": 5}).values
    assert (values["tiny:size"], values["tiny:plain"], values["aws:region"]) == ("5", "file", "us-east-1")


def test_lists_and_objects_reach_the_program_as_json(program):
    values = load(program, config={"names": ["x"], "deep": {"a": [1]}}).values
    assert json.loads(values["tiny:names"]) == ["x"]
    assert json.loads(values["tiny:deep"]) == {"a": [1]}


def test_the_keys_of_secrets_are_marked(program):
    found = load(program, secrets={"hook": "https://example.com/x"})
    assert found.values["tiny:hook"] == "https://example.com/x"
    assert found.secret_keys == ("tiny:hook",)


@pytest.mark.parametrize("word", ["on", "yes", "2026-11-23", "12:30:45", "0o17"])
def test_words_that_yaml_1_1_would_convert_stay_text(word, program):
    (program / "Pulumi.dev.yaml").write_text(f"config:\n  tiny:plain: {word}\n")
    assert load(program).values["tiny:plain"] == word


def test_a_key_without_a_default_is_required(program):
    (program / "Pulumi.yaml").write_text("name: tiny\nconfig:\n  hook: {type: string}\n")
    with pytest.raises(stack_config.InvalidConfig, match="tiny:hook: is required"):
        load(program)
    assert load(program, config={"hook": "x"}).values == {"tiny:hook": "x"}


def test_a_value_of_the_wrong_type_is_refused_without_showing_it(program):
    with pytest.raises(stack_config.InvalidConfig) as refused:
        load(program, secrets={"size": "hunter2"})
    assert "tiny:size: must be of the type integer" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_an_encrypted_value_must_be_given_as_a_secret(program):
    (program / "Pulumi.dev.yaml").write_text("config:\n  tiny:hook:\n    secure: AAAA\n")
    with pytest.raises(stack_config.InvalidConfig, match=r"tiny:hook: is encrypted in Pulumi\.dev\.yaml"):
        load(program)
    assert load(program, secrets={"hook": "x"}).values["tiny:hook"] == "x"


def test_an_invalid_yaml_file_is_named_with_the_line(program):
    (program / "Pulumi.dev.yaml").write_text("config:\n  a: [1\n  b: 2\n")
    with pytest.raises(stack_config.InvalidConfig, match=r"Pulumi\.dev\.yaml, line \d+: not valid YAML"):
        load(program)
