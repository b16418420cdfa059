"""Writes the list of AWS's metrics that alarms are judged by: `make metrics`. It needs npm.

The source is the package in which the AWS CDK has what AWS publishes about its metrics. Only the namespaces that the
program's alarms watch are taken.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PACKAGE = "@aws-cdk/aws-service-spec"
NAMESPACES = ("AWS/Events", "AWS/Lambda", "AWS/SQS")
FILE = Path("batchbell_local") / "aws_metrics.json"


def metrics_of(database: Mapping[str, Any], namespaces: Iterable[str]) -> dict[str, dict[str, list[list[str]]]]:
    """Return the sets of dimensions that each metric is published with, by namespace and metric.

    `database`: the package's db.json
    """
    tables = database["schema"]
    dimensions = {
        one["$id"]: sorted(dimension["name"] for dimension in one["dimensions"])
        for one in tables["dimensionSet"]["entities"]
    }
    used = tables["usesDimensionSet"]["forward"]
    found: dict[str, dict[str, list[list[str]]]] = {namespace: {} for namespace in sorted(namespaces)}
    for metric in sorted(tables["metric"]["entities"], key=lambda one: str(one["name"])):
        if metric["namespace"] in found:
            sets = found[metric["namespace"]].setdefault(metric["name"], [])
            sets.extend(names for use in used.get(metric["$id"], ()) if (names := dimensions[use["$id"]]) not in sets)
            sets.sort()
    if missing := [namespace for namespace, metrics in found.items() if not metrics]:
        raise ValueError(f"{PACKAGE} lists no metric of {', '.join(missing)}")
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, capture_output=True, text=True, check=True
        )
        with tarfile.open(Path(folder) / packed.stdout.split()[-1]) as archive:
            archive.extractall(folder, filter="data")
        package = Path(folder) / "package"
        about = json.loads((package / "package.json").read_text("utf-8"))
        database = json.loads(gzip.decompress((package / "db.json.gz").read_bytes()))
    document = {
        "source": f"npm {PACKAGE}",
        "version": about["version"],
        "licence": about["license"],
        "refreshed by": "make metrics",
        "metrics": metrics_of(database, NAMESPACES),
    }
    FILE.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(f"written: {FILE}")


if __name__ == "__main__":
    main()
