"""The rules of a company for resources that its programs do not create themselves.

Names are those of the provider: types as `pulumi stack --show-urns` shows them, properties in camelCase.
"""

from __future__ import annotations

import pulumi


def company_rules(resource: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Return a resource as the rules want it, or None if they leave it as it is."""
    props = dict(resource.props)
    options = resource.opts
    match resource.type_:
        case "aws:dynamodb/table:Table":  # a property
            props["pointInTimeRecovery"] = {"enabled": True}
        case "aws:cloudwatch/metricAlarm:MetricAlarm":  # a property that follows from another one
            props["okActions"] = props.get("alarmActions", [])
        case "aws:cloudwatch/logGroup:LogGroup":  # an option of Pulumi
            options = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(retain_on_delete=True))
        case _:
            return None
    return pulumi.ResourceTransformResult(props, options)
