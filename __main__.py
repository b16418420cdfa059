"""The Pulumi program: reads stack config, creates one ArrayJobNotifier, exports its outputs."""

from __future__ import annotations

import gc
import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("batchbell needs Python 3.11 or newer as python3: remove .venv, and run `pulumi install` again")

import pulumi

from components import ArrayJobNotifier
from components.deployment_context import find_deployment_context
from components.service_classes import loading_classes
from components.settings.stack_config import settings_from_stack

# Logical names do not have the stack's name, so that `pulumi stack rename` replaces nothing. Physical ones begin with
# it: see Pulumi.yaml. The alias is what a stack of an earlier version was called.
NAME = "bell"
earlier = pulumi.ResourceOptions(aliases=[pulumi.Alias(name=pulumi.get_stack())])
gc.disable()  # a run lasts seconds, and looking for garbage takes a twentieth of them (measured)
with loading_classes():
    context = find_deployment_context(NAME)  # waits for the provider
notifier = ArrayJobNotifier(NAME, settings_from_stack(context), earlier)

for name, value in notifier.outputs.items():
    pulumi.export(name, value)
