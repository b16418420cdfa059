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


@pytest.mark.parametrize("word", ["on", "yes", "12:30:45", "1:20"])
def test_words_that_yaml_1_1_would_convert_stay_text(word, program):
    (program / "Pulumi.dev.yaml").write_text(f"config:\n  tiny:plain: {word}\n")
    assert load(program).values["tiny:plain"] == word


# test_read_as_by_the_cli.py compares all of them with the CLI.
@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ("0o17", "15"),
        ("0x1F", "31"),
        ("1_000", "1000"),
        ("08", "8"),
        ("1e3", "1000"),
        ("1.50", "1.5"),
        ("2026-11-23", "2026-11-23 00:00:00 +0000 UTC"),
        ("!custom x", "x"),
        ("!!binary aGk=", "hi"),
        ("2026-1-3 1:2:3", "2026-01-03 01:02:03 +0000 UTC"),
        ("1e-7", "1e-7"),
        ("0.00001", "0.00001"),
        ("18446744073709551616", "18446744073709552000"),
        ("!!omap [a: 1]", '[{"a": 1}]'),
        ("[&a 1, &a 2, *a]", "[1, 2, 2]"),
    ],
)
def test_a_value_arrives_as_the_cli_passes_it(written, arrives, program):
    (program / "Pulumi.dev.yaml").write_text(f"config:\n  tiny:plain: {written}\n")
    assert load(program).values["tiny:plain"] == arrives


def test_a_merge_key_merges_and_its_own_keys_win(program):
    (program / "Pulumi.dev.yaml").write_text(
        "config:\n"
        "  tiny:first: &first {a: 1, b: 2}\n"
        "  tiny:second: &second {<<: *first, b: 3}\n"
        "  tiny:third: {<<: [*second, {a: 9, c: 4}], d: 5}\n"
        "  tiny:list: [*first, {<<: *second}]\n"
    )
    values = {key: json.loads(load(program).values[f"tiny:{key}"]) for key in ("second", "third", "list")}
    assert values == {
        "second": {"a": 1, "b": 3},
        "third": {"a": 1, "b": 3, "c": 4, "d": 5},
        "list": [{"a": 1, "b": 2}, {"a": 1, "b": 3}],
    }


@pytest.mark.parametrize("stack", ["dev", "acme/dev", "acme/tiny/dev", "/dev"])
def test_a_stack_may_be_named_with_its_organization_and_project(stack, program):
    (program / "Pulumi.dev.yaml").write_text("config:\n  tiny:plain: file\n")
    found = load(program, stack)
    assert (found.stack, found.values["tiny:plain"]) == ("dev", "file")


@pytest.mark.parametrize(
    ("stack", "says"),
    [
        ("acme/other/dev", "is of another project: Pulumi.yaml is of tiny"),
        ("a/b/c/dev", "takes NAME, ORGANIZATION/NAME or"),
        ("dev/", "takes NAME, ORGANIZATION/NAME or"),
        ("", "takes NAME, ORGANIZATION/NAME or"),
    ],
)
def test_a_name_that_is_not_a_stack_of_the_project_is_refused(stack, says, program):
    with pytest.raises(stack_config.InvalidConfig, match=says):
        load(program, stack)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_in_its_encoding_whatever_the_locale(encoding, program, monkeypatch):
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")
    monkeypatch.setattr("locale.getencoding", lambda: "ascii")
    (program / "Pulumi.dev.yaml").write_text("config:\n  tiny:plain: Bjørn 🔔\n", encoding)
    assert load(program).values["tiny:plain"] == "Bjørn 🔔"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("config: [1]\n", "must be an object with keys"),
        ("config:\n  5: x\n", "must be an object with keys"),
        ("config:\n  a:b:c: x\n", "must be an object with keys"),
        ("- 1\n", "must be an object with the key config"),
        ("config:\n  tiny:v: 1\n  tiny:v: 2\n", "line 3: not valid YAML"),
        ("config:\n  tiny:v: &a [*a]\n", "line 2: not valid YAML"),
        ("config:\n  tiny:v: .inf\n", "line 2: not valid YAML"),
        *(
            (f"config:\n  tiny:v: !!{written}\n", "line 2: not valid YAML")
            for written in ("int x", "int 0x_", "float x", "bool yes", "null x", "timestamp x", "binary '!!'")
        ),
        ("config: []\n", "must be an object with keys"),
        ("config:\n  tiny:v: 'b\xf8'\n", "not valid YAML"),
        ("config: " + "[" * 20_000, "not valid YAML"),
    ],
)
def test_what_the_cli_refuses_is_refused_with_the_place(text, says, program):
    (program / "Pulumi.dev.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(stack_config.InvalidConfig, match=rf"Pulumi\.dev\.yaml.*{says}"):
        load(program)


@pytest.mark.parametrize(
    ("project_file", "more", "stack_file"),
    [
        ("Pulumi.yml", "", "Pulumi.dev.yml"),
        ("Pulumi.yaml", "stackConfigDir: stacks\n", "stacks/Pulumi.dev.yaml"),
        ("Pulumi.yaml", "config: stacks\n", "stacks/Pulumi.dev.yaml"),
    ],
)
def test_the_files_may_be_where_the_cli_looks_for_them(project_file, more, stack_file, tmp_path):
    (tmp_path / project_file).write_text(f"name: tiny\nruntime: python\n{more}")
    (tmp_path / stack_file).parent.mkdir(exist_ok=True)
    (tmp_path / stack_file).write_text("config:\n  tiny:plain: file\n")
    assert load(tmp_path).values == {"tiny:plain": "file"}


def test_a_stack_without_a_file_has_that_of_the_example_of_its_name(program):
    (program / "examples" / "stacks").mkdir(parents=True)
    (program / "examples" / "stacks" / "Pulumi.dev.yaml").write_text("config:\n  tiny:plain: example\n")
    example = load(program).values["tiny:plain"]
    (program / "Pulumi.dev.yaml").write_text("config:\n  tiny:plain: own\n")

    assert (example, load(program).values["tiny:plain"]) == ("example", "own")


def test_a_value_that_is_encrypted_at_any_depth_is_left_out_and_its_key_is_named(program):
    (program / "Pulumi.dev.yaml").write_text(
        "config:\n  tiny:hook: {secure: AAAA}\n  tiny:list: [{a: {secure: BBBB}}]\n  tiny:names: [{secure: CCCC}]\n"
    )
    found = stack_config.load(program, "dev", {}, {}, skip_encrypted=True)
    assert {*found.secret_keys} == {"tiny:hook", "tiny:list", "tiny:names"}
    assert not {*found.secret_keys} & {*found.values}


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
