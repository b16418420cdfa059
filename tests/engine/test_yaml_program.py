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
        return {}

    def change(self, copy, properties):
        file = copy / "Pulumi.yaml"
        program = yaml.safe_load(file.read_text("utf-8"))
        program["resources"][self.creates]["properties"] |= properties
        text = yaml.safe_dump(program, sort_keys=False)
        file.write_text(text.replace(f"'{MARKED}'", f"{{fn::secret: {WRONG_SECRET}}}"), "utf-8")


@pytest.fixture(scope="module")
def program(yaml_host):
    return YamlProgram(yaml_host)


def test_a_second_up_of_the_same_program_changes_nothing_and_shows_no_secret(stack, backend):
    """What the plug-in creates is the same in every language, so this is asked in one."""
    again = stack.run("up")
    states = "".join(file.read_text("utf-8") for file in backend.rglob("*.json"))

    assert set(again.summary) == {"same"}
    assert stack.secrets["slackWebhook"] not in states + again.printed


class TestYamlProgram(PluginConformance):
    pass
