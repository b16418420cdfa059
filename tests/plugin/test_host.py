"""What people see when the component cannot be made: no traceback, no value, and nothing that the engine adds."""

from __future__ import annotations

import asyncio
import types

import grpc
import pulumi
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from components.settings.mistakes import InvalidSettings, Mistake
from plugin.host import ComponentProvider, Servicer, error_text
from plugin.schema import COMPONENT, schema_text

SECRET = "hunter2-the-secret"


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return caught


def test_an_error_of_ours_is_shown_whole_with_the_names_that_the_program_knows():
    mistakes = [Mistake("job_queue_arns[0]", "got 'x'"), Mistake("environment.max_vcpus", "got 0")]

    assert error_text(InvalidSettings(mistakes)) == (
        "2 mistakes in the settings; nothing was changed:\n  jobQueueArns[0]: got 'x'\n  environment.maxVcpus: got 0"
    )
    assert error_text(pulumi.RunError("notifier ops: topic_arn: takes one")) == "notifier ops: topicArn: takes one"


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), SystemExit(SECRET)])
def test_any_other_error_is_shown_by_its_type_and_place_without_a_value(error):
    text = error_text(raised(error))

    assert text.startswith(f"batchbell ended with {type(error).__name__} in tests/plugin/test_host.py, line ")
    assert SECRET not in text and "Traceback" not in text


def test_a_type_that_the_plug_in_does_not_have_is_refused_by_name():
    with pytest.raises(pulumi.RunError, match="has no resource batchbell:index:Bell"):
        ComponentProvider().construct("bell", "batchbell:index:Bell", {})


def test_an_argument_that_the_component_does_not_have_is_a_mistake_with_a_hint():
    with pytest.raises(InvalidSettings, match="jobQueueArn: no such setting; did you mean jobQueueArns"):
        ComponentProvider().construct("bell", COMPONENT, {"jobQueueArn": "x"})


class Aborted(Exception):
    pass


def test_a_failed_construct_answers_with_a_status_that_names_no_property():
    """The engine would show a named property with its value."""
    answer = types.SimpleNamespace()

    async def abort(code, details):
        answer.code, answer.details = code, details
        raise Aborted

    async def construct():
        servicer = Servicer(ComponentProvider(), [], engine_address="127.0.0.1:1")
        inputs = struct_pb2.Struct()
        inputs.update({"webhooks": SECRET})
        request = provider_pb2.ConstructRequest(name="bell", type=COMPONENT, inputs=inputs)
        vars(servicer)["_construct"] = lambda request, context: _fail(servicer, request)
        await servicer.Construct(request, types.SimpleNamespace(abort=abort))

    async def _fail(servicer, request):
        inputs = await servicer._construct_inputs(request.inputs, request.inputDependencies)
        servicer.provider.construct(request.name, request.type, inputs)

    with pytest.raises(Aborted):
        asyncio.run(construct())

    assert answer.code is grpc.StatusCode.FAILED_PRECONDITION
    assert answer.details.startswith("1 mistake in the settings; nothing was changed:\n  webhooks: no such setting")
    assert SECRET not in answer.details


def test_the_engine_gets_the_written_schema():
    servicer = Servicer(ComponentProvider(), [], engine_address="127.0.0.1:1")

    answer = asyncio.run(servicer.GetSchema(provider_pb2.GetSchemaRequest(version=0), None))

    assert answer.schema == schema_text()
