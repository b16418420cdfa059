"""examples/typescript with the SDK that Pulumi generates from the plug-in's schema, run by Pulumi's SDK for Node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from plugin.schema import schema_text
from tests.engine.node_program import PINNED, check_types, install, installed_packages
from tests.engine.plugin_conformance import MARKED, WRONG_SECRET, PluginConformance

KINDS = ("dependencies", "devDependencies")


@dataclass(frozen=True)
class TypeScriptProgram:
    packages: Path
    generator: Path
    folder: str = "typescript"
    creates: str = "rainbow"

    def prepare(self, copy, hosts):
        cache = install(copy, self.packages, self.generator, schema_text())
        check_types(copy, cache)
        # So types need no check as the program starts, which takes 2 s each time.
        return {
            "PULUMI_NODEJS_TRANSPILE_ONLY": "true",
            "TS_NODE_CACHE": "false",
        }

    def change(self, copy, properties):
        # Of two properties with the same name the last one counts; tsc would refuse it without `as object`.
        file = copy / "index.ts"
        lines = "".join(
            f"    ...({{ {name}: {json.dumps(value)} }} as object),\n" for name, value in properties.items()
        )
        lines = lines.replace(json.dumps(MARKED), f"pulumi.secret({json.dumps(WRONG_SECRET)})")
        head, end, tail = file.read_text("utf-8").partition("});\n")
        file.write_text(head + lines + end + tail, "utf-8")


@pytest.fixture(scope="module")
def program(sdk_generator):
    return TypeScriptProgram(installed_packages(), sdk_generator)


def test_the_example_asks_for_the_packages_that_the_tests_pin(project):
    example = json.loads((project / "examples" / "typescript" / "package.json").read_text("utf-8"))
    tested = json.loads((PINNED / "package.json").read_text("utf-8"))

    assert example["dependencies"].pop("@pulumi/batchbell") == "file:sdks/batchbell"
    assert [example[kind] for kind in KINDS] == [tested[kind] for kind in KINDS]


class TestTypeScriptProgram(PluginConformance):
    pass
