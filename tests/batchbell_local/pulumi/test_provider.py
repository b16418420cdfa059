"""The provider's process as the engine sees it: its responses, and that it writes only its port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from batchbell_local.pulumi.resources import property_values

PARAMETER = "aws:ssm/parameter:Parameter"
TOKEN = "hunter2-not-to-be-seen"


@pytest.fixture
def provider(cloud, project):
    """A running provider; `stub` calls it, and `ended()` ends it and returns what it wrote to both streams."""
    process = subprocess.Popen(
        [sys.executable, "-m", "batchbell_local.pulumi.provider"],
        cwd=project,
        env=os.environ | cloud.environment() | {"PULUMI_DEBUG_GRPC": "", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip()

    class Provider:
        stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}"))

        def ended(self):
            process.send_signal(signal.SIGINT)
            return process.communicate(timeout=120)

    yield Provider()
    if process.poll() is None:
        process.kill()
        process.communicate()


def urn(name):
    return f"urn:pulumi:dev::batchbell::{PARAMETER}::{name}"


def test_the_provider_writes_no_secret_whatever_goes_wrong(provider):
    inputs = {"name": f"/hook/{uuid.uuid4().hex}", "type": "SecureString", "value": TOKEN}
    asked = property_values.encode(inputs, frozenset({"value"}))
    checked = provider.stub.Check(provider_pb2.CheckRequest(urn=urn("hook"), news=asked)).inputs
    made = provider.stub.Create(provider_pb2.CreateRequest(urn=urn("hook"), properties=checked))
    with pytest.raises(grpc.RpcError) as refused:
        provider.stub.Create(provider_pb2.CreateRequest(urn=urn("again"), properties=checked))
    wrong = property_values.encode(inputs | {"type": f"Secure{TOKEN}", "valeu": TOKEN}, frozenset({"value", "valeu"}))
    failures = provider.stub.Check(provider_pb2.CheckRequest(urn=urn("wrong"), news=wrong)).failures
    with pytest.raises(grpc.RpcError) as broken:
        provider.stub.Create(
            provider_pb2.CreateRequest(urn=urn("odd"), properties=property_values.encode({"value": TOKEN}))
        )
    written, complained = provider.ended()

    assert property_values.decode(made.properties).values["value"] == TOKEN
    assert "value" in property_values.decode(made.properties).secret
    assert "already exists" in refused.value.details()
    assert [failure.property for failure in failures] != []
    errors = [refused.value.details(), broken.value.details(), *(failure.reason for failure in failures)]
    assert TOKEN not in json.dumps(errors)
    assert (written, complained) == ("", "")
