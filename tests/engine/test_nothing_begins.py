"""What the CLI prints where a deployment cannot begin: one error, on one line, and no traceback."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from contextlib import nullcontext

import pytest

from tests.engine.language_host import ERROR_WAS_SHOWN


@pytest.fixture(scope="module")
def own_cloud(cloud):
    """The one that all tests of the process share: these operations create nothing."""
    return cloud


@pytest.fixture(scope="module")
def secrets_provider():
    """Not a key of KMS, which takes credentials."""
    return "passphrase"


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack("nightly")
    stack.cli("stack", "select", "--create", "--secrets-provider", "passphrase")
    return stack


@pytest.fixture
def errors(stack, tmp_path, start_provider):
    """The errors that `pulumi preview` prints with these variables in place of the stack's, each once."""

    def preview(**variables):
        environment = {name: value for name, value in (stack.environment | variables).items() if value is not None}
        by_the_program = tmp_path / "printed"
        provider = (
            start_provider(environment) if any(name.startswith("AWS_") for name in variables) else nullcontext({})
        )
        process, address = stack.host.start(stack.folder, environment, by_the_program)
        environment["PULUMI_DEBUG_LANGUAGES"] = f"python:{address.rpartition(':')[2]}"
        command = ["pulumi", "preview", "--stack", stack.name, "--non-interactive", "--color=never"]
        with provider as variable:
            done = subprocess.run(
                command,
                cwd=stack.folder,
                env=environment | variable,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
        os.kill(process, signal.SIGKILL)
        printed = done.stdout + done.stderr
        assert done.returncode != 0
        assert "Traceback" not in printed + by_the_program.read_text()
        assert "unhandled" not in printed
        return {line.partition("error: ")[2] for line in printed.splitlines() if "error: " in line}

    return preview


def test_no_credentials(errors):
    (error,) = errors(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")

    assert "No valid credential sources found" in error


def test_credentials_that_aws_refuses(errors):
    (error,) = errors(AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE")

    assert error.startswith("AWS does not say whose account this is; nothing was changed.")
    assert "The security token included in the request is invalid" in error


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        ("eu-west-1", "local AWS is in us-east-1, not in eu-west-1"),
        ("us-east-1a", "aws:region: got 'us-east-1a'; takes the name of a Region, for example us-east-1"),
    ],
)
def test_a_wrong_region(errors, stack, region, problem):
    before = stack.file.read_text()
    stack.file.write_text(before.replace("aws:region: us-east-1", f"aws:region: {region}"))
    (error,) = errors()
    stack.file.write_text(before)

    assert problem in error


def test_no_login(errors, tmp_path):
    (error,) = errors(PULUMI_BACKEND_URL=None, PULUMI_HOME=str(tmp_path))

    assert "login" in error


def test_a_python_that_is_too_old(project, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 10))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(project / "__main__.py"))

    assert ended.value.code == ERROR_WAS_SHOWN
    assert capsys.readouterr().err.startswith("batchbell needs Python 3.11 or newer")


def test_no_passphrase(errors):
    (error,) = errors(PULUMI_CONFIG_PASSPHRASE=None)

    assert "passphrase must be set with PULUMI_CONFIG_PASSPHRASE" in error
