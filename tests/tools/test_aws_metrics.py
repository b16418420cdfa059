"""The list of AWS's metrics, as it is taken from the database of npm's @aws-cdk/aws-service-spec."""

from __future__ import annotations

import pytest

from tools.aws_metrics import metrics_of


def database(*metrics: tuple[str, str]) -> dict[str, object]:
    entities = [
        {"$id": f"m{number}", "namespace": namespace, "name": name} for number, (namespace, name) in enumerate(metrics)
    ]
    uses = {one["$id"]: [{"$id": "d"}] for one in entities}
    return {
        "schema": {
            "metric": {"entities": entities},
            "dimensionSet": {"entities": [{"$id": "d", "dimensions": [{"name": "Stage"}, {"name": "Api"}]}]},
            "usesDimensionSet": {"forward": uses},
        }
    }


def test_only_the_chosen_namespaces_are_taken_and_each_set_of_dimensions_once():
    taken = metrics_of(database(("AWS/A", "Two"), ("AWS/A", "One"), ("AWS/A", "Two"), ("AWS/B", "Else")), ["AWS/A"])

    assert taken == {"AWS/A": {"One": [["Api", "Stage"]], "Two": [["Api", "Stage"]]}}


def test_a_namespace_that_is_not_listed_is_named():
    with pytest.raises(ValueError, match="lists no metric of AWS/C"):
        metrics_of(database(("AWS/A", "One")), ["AWS/A", "AWS/C"])
