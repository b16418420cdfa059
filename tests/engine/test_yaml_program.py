"""examples/yaml, run by Pulumi's language host for YAML."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml

from tests.engine.plugin_conformance import MARKED, WRONG_SECRET, PluginConformance


@dataclass(frozen=True)
class YamlProgram:
    host: str
    folder: str = "yaml"
    creates: str = "colors"

    def prepare(self, copy, hosts):
        (hosts / "pulumi-language-yaml").symlink_to(self.host)

    def change(self, copy, properties):
        file = copy / "Pulumi.yaml"
        program = yaml.safe_load(file.read_text("utf-8"))
        program["resources"][self.creates]["properties"] |= properties
        text = yaml.safe_dump(program, sort_keys=False)
        file.write_text(text.replace(f"'{MARKED}'", f"{{fn::secret: {WRONG_SECRET}}}"), "utf-8")


@pytest.fixture(scope="module")
def program(yaml_host):
    return YamlProgram(yaml_host)


class TestYamlProgram(PluginConformance):
    pass
