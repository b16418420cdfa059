"""Reports why a command failed: one line that says what to do, and an exit code."""

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

from batchbell.terminal import Screen
from batchbell.texts import one_line

NO_RESULT = 2  # exit code, as in grep and diff: the command failed
INTERRUPTED = 130  # exit code after Ctrl-C, as in a shell
SIGN_IN = "sign in as you do for the AWS CLI (`aws sso login`, `aws configure`), or name a profile with --profile"
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClient")


class CommandFailed(Exception):
    """A command cannot continue; the text says why and what to do, on one line and without secrets."""


@contextlib.contextmanager
def reporting_errors() -> Iterator[None]:
    """Print an error as one line on standard error and exit with 2; after Ctrl-C with 130."""
    try:
        yield
    except CommandFailed as problem:
        reason = str(problem)
    except ClientError as refused:
        reason = _refusal(refused)
    except (NoCredentialsError, CredentialRetrievalError, TokenRetrievalError, SSOError):
        reason = f"there are no valid AWS credentials: {SIGN_IN}"
    except NoRegionError:
        reason = "there is no AWS region: name one with --region, or set AWS_REGION"
    except BotoCoreError as error:
        reason = one_line(str(error))  # such as an unknown profile or an unreachable endpoint
    except KeyboardInterrupt:
        Screen(stderr=True).print("Stopped: messages that were already sent are still delivered.")
        raise typer.Exit(INTERRUPTED) from None
    else:
        return
    Screen(stderr=True).print(reason, soft_wrap=True)
    raise typer.Exit(NO_RESULT)


@contextlib.contextmanager
def show_activity(activity: str) -> Iterator[None]:
    """Show an activity such as "Calling AWS" on standard error, if that is a terminal."""
    with Screen(stderr=True).status(f"{activity} …"):
        yield


def _refusal(refused: ClientError) -> str:
    code = str(refused.response.get("Error", {}).get("Code", ""))
    if code.startswith(EXPIRED):
        return f"AWS does not accept these credentials ({code}): {SIGN_IN}"
    reason = f"AWS refused {refused.operation_name}: {code}"
    if code.startswith("AccessDenied"):
        # Only for this code: the text of a signature error repeats the request with its session token.
        text = one_line(str(refused.response["Error"].get("Message", "")))
        return f"{reason}: {text}. docs/permissions.md lists the permissions that the commands need"
    return reason
