"""Writes the files that are generated from the settings' models, in the current folder: `make docs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .config_block import with_config_block
from .config_page import config_page
from .plugin_schema import plugin_schema


def config_files(project: Path) -> Mapping[Path, str]:
    """The text of each file. In Pulumi.yaml only the config block is new."""
    pulumi_yaml = project / "Pulumi.yaml"
    return {
        pulumi_yaml: with_config_block(pulumi_yaml.read_text("utf-8")),
        project / "docs" / "configuration.md": config_page(),
        project / "plugin" / "schema.json": plugin_schema(),
    }


if __name__ == "__main__":
    for file, text in config_files(Path()).items():
        file.write_text(text, "utf-8")
        print(f"written: {file}")
