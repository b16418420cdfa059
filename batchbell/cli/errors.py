"""What keeps a command from its answer: one line that says why and what to do, and an exit code of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    SSOError,
    TokenRetrievalError,
)
from rich.console import Console
from rich.text import Text

from batchbell.texts import one_line

NO_RESULT = 2  # exit code, as of grep and diff: the question could not be answered
INTERRUPTED = 130  # exit code, as of a shell's command after Ctrl-C
SIGN_IN = "sign in as for the AWS CLI (`aws sso login`, `aws configure`), or name a profile with --profile"
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClient")


class CommandFailed(Exception):
    """The question cannot be answered; the text says why and what to do, on one line and without secrets."""


@contextlib.contextmanager
def reporting_errors() -> Iterator[None]:
    """What keeps a command from its answer is one line on standard error, and exit code 2; Ctrl-C has 130."""
    try:
        yield
    except CommandFailed as problem:
        reason = str(problem)
    except ClientError as refused:
        reason = _refusal(refused)
    except (NoCredentialsError, CredentialRetrievalError, TokenRetrievalError, SSOError):
        reason = f"there are no AWS credentials that work: {SIGN_IN}"
    except NoRegionError:
        reason = "there is no AWS region: name one with --region, or set AWS_REGION"
    except BotoCoreError as error:
        reason = one_line(str(error))  # a profile that is not there, an endpoint that does not answer
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped: what was sent before is on its way.")
        raise typer.Exit(INTERRUPTED) from None
    else:
        return
    Console(stderr=True).print(Text(reason), soft_wrap=True)
    raise typer.Exit(NO_RESULT)


@contextlib.contextmanager
def show_activity(what: str) -> Iterator[None]:
    """A sign that something goes on, such as "Asking AWS": on standard error, where that is a terminal."""
    with Console(stderr=True).status(f"{what} …"):
        yield


def _refusal(refused: ClientError) -> str:
    code = str(refused.response.get("Error", {}).get("Code", ""))
    if code.startswith(EXPIRED):
        return f"AWS does not take these credentials ({code}): {SIGN_IN}"
    reason = f"AWS refused {refused.operation_name}: {code}"
    if code.startswith("AccessDenied"):
        # Of this code alone: the text of a signature error repeats the request with its session token.
        text = one_line(str(refused.response["Error"].get("Message", "")))
        return f"{reason}: {text}. The rights that the commands need are in docs/operations.md"
    return reason
