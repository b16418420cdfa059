"""What programs in other languages can write, and what they get."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from components import ArrayJobNotifierArgs
from plugin import schema
from plugin.spelling import camel_case, in_camel_case, snake_case
from tools.plugin_schema import plugin_schema


@pytest.fixture(scope="module")
def types():
    return json.loads(plugin_schema())["types"]


def test_every_argument_of_the_component_is_an_input_and_no_other():
    assert {snake_case(name) for name in schema.inputs()} == {field.name for field in fields(ArrayJobNotifierArgs)}


def test_everything_is_described():
    for properties in (
        schema.inputs(),
        *(one["properties"] for one in json.loads(schema.schema_text())["types"].values()),
    ):
        assert [name for name, one in properties.items() if not one["description"]] == []


def test_a_notifier_has_the_settings_of_all_built_in_types_and_says_whose_they_are(types):
    properties = types["batchbell:index:Notifier"]["properties"]

    assert properties["recipients"]["description"].startswith("email: ")
    assert properties["webhook"] | {"description": ""} == {
        "$ref": "#/types/batchbell:index:Secret",
        "plain": True,
        "description": "",
    }
    assert {"sender", "token", "topicArn", "settings", "digestAfter"} <= set(properties)


def test_names_types_and_filters_are_plain_while_arns_and_secrets_may_come_from_other_resources(types):
    entry, secret = types["batchbell:index:Notifier"]["properties"], types["batchbell:index:Secret"]["properties"]

    assert all(entry[name]["plain"] for name in ("type", "name", "statuses", "jobs", "tags"))
    assert not any("plain" in one for one in (entry["topicArn"], secret["ssm"], secret["value"]))
    assert "plain" not in schema.inputs()["jobQueueArns"]["items"]
    assert secret["value"]["secret"] is True


def test_no_description_has_a_name_that_the_schema_does_not_have():
    written = schema.schema_text()

    assert [name for name in schema.setting_names() if "_" in name and name in written] == []


@pytest.mark.parametrize("name", ["name", "max_vcpus", "permissions_boundary_arn"])
def test_a_name_is_the_same_after_both_ways(name):
    assert snake_case(camel_case(name)) == name


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("job_queue_arns[0]: takes max_vcpus", "jobQueueArns[0]: takes maxVcpus"),
        ("set environment_max_vcpus", "set environment.maxVcpus"),
        ("name: got 'max_vcpus'; see max_vcpus", "name: got 'max_vcpus'; see maxVcpus"),
        ('name: got "it\'s max_vcpus"', 'name: got "it\'s max_vcpus"'),
        ("the stack's max_vcpus isn't", "the stack's maxVcpus isn't"),
        ("some_max_vcpus", "some_max_vcpus"),
    ],
)
def test_settings_are_in_camel_case_in_a_text_but_values_stay(text, translated):
    assert in_camel_case(text, {"name", "max_vcpus", "job_queue_arns"}) == translated
