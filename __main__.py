"""The Pulumi program: reads stack config, creates one ArrayJobNotifier, exports its outputs."""

from __future__ import annotations

import pulumi

from components import ArrayJobNotifier
from components.deployment_context import find_deployment_context
from components.settings.stack_config import settings_from_stack

stack = pulumi.get_stack()
notifier = ArrayJobNotifier(stack, settings_from_stack(find_deployment_context(stack)))

for name, value in notifier.outputs.items():
    pulumi.export(name, value)
