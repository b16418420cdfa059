"""The Pulumi program: reads stack config, creates one ArrayJobNotifier, exports its outputs."""

from __future__ import annotations

import gc
import sys

if sys.version_info < (3, 11):  # noqa: UP036
    print("batchbell needs Python 3.11 or newer as python3: remove .venv, run `pulumi install` again", file=sys.stderr)
    sys.exit(32)  # ERROR_WAS_SHOWN

import pulumi

from components import ArrayJobNotifier
from components.deployment_context import find_deployment_context
from components.service_classes import loading_classes
from components.settings.stack_config import settings_from_stack

# The exit code of a program that has shown its error: with another one, the CLI adds "an unhandled error occurred"
# (pulumi, sdk/python/cmd/pulumi-language-python/main.go, pythonProcessExitedAfterShowingUserActionableMessage).
ERROR_WAS_SHOWN = 32

# Logical names do not have the stack's name, so that `pulumi stack rename` replaces nothing. Physical ones begin with
# it: see Pulumi.yaml. The alias is what a stack of an earlier version was called.
NAME = "bell"
earlier = pulumi.ResourceOptions(aliases=[pulumi.Alias(name=pulumi.get_stack())])
gc.disable()  # a run lasts seconds, and looking for garbage takes a twentieth of them (measured)
try:
    with loading_classes():
        context = find_deployment_context(NAME)  # waits for the provider
    notifier = ArrayJobNotifier(NAME, settings_from_stack(context), earlier)
except pulumi.RunError as error:
    pulumi.log.error(str(error))
    raise SystemExit(ERROR_WAS_SHOWN) from error

for name, value in notifier.outputs.items():
    pulumi.export(name, value)
