"""Lets MiniStack's launch templates keep the KMS key of a volume, which they drop."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2


def install() -> None:
    """Change this process's MiniStack."""
    parse, render = ec2._parse_lt_data, ec2._lt_data_xml

    def parse_with_keys(parameters: Any, prefix: str = "LaunchTemplateData") -> dict[str, Any]:
        data: dict[str, Any] = parse(parameters, prefix)
        for number, mapping in enumerate(data.get("BlockDeviceMappings", ()), start=1):
            if key := ec2._p(parameters, f"{prefix}.BlockDeviceMapping.{number}.Ebs.KmsKeyId"):
                mapping.setdefault("Ebs", {})["KmsKeyId"] = key
        return data

    def render_with_keys(data: dict[str, Any]) -> str:
        volumes = [mapping["Ebs"] for mapping in data.get("BlockDeviceMappings", ()) if "Ebs" in mapping]
        text: str = render(data)
        *before, rest = text.split("</ebs>")
        keys = [escape(volume.get("KmsKeyId", "")) for volume in volumes]
        closed = [f"{part}<kmsKeyId>{key}</kmsKeyId></ebs>" for part, key in zip(before, keys, strict=True)]
        return "".join(closed).replace("<kmsKeyId></kmsKeyId>", "") + rest

    ec2._parse_lt_data, ec2._lt_data_xml = parse_with_keys, render_with_keys
