"""Predicts a resource's outputs in a preview, as far as they are known before anything is done."""

from __future__ import annotations

from .property_values import UNKNOWN, Inputs, Outputs
from .resource_type import DEFAULTED, ResourceType
from .schema import output_names


def created(type_: ResourceType, inputs: Inputs) -> Outputs:
    """The outputs of a resource to be created; those that AWS will set are UNKNOWN."""
    outputs = dict.fromkeys(output_names(type_.token) - inputs.keys(), UNKNOWN)
    return outputs | _outputs(inputs)


def updated(type_: ResourceType, outputs: Inputs, old_inputs: Inputs, news: Inputs) -> Outputs:
    """The outputs after an update in place: the old ones, with the new inputs; those that AWS will set are UNKNOWN."""
    gone = old_inputs.keys() - news.keys()
    kept = {name: value for name, value in outputs.items() if name not in gone}
    if "tags" in type_.diff(old_inputs, news).changes and "tagsAll" in kept:
        kept["tagsAll"] = news.get("tags") or {}
    return kept | _outputs(news) | dict.fromkeys(type_.recomputed(old_inputs, news), UNKNOWN)


def _outputs(inputs: Inputs) -> Outputs:
    return {name: value for name, value in inputs.items() if name != DEFAULTED}
