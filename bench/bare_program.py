"""Writes the shortest program with the resources of a deployed stack: a class of pulumi_aws and its values for each.

No components, no settings, nothing looked up: the least that a program with these resources can be. What one resource
takes from another is an output here, too, and what waits for another waits here, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SIGNATURE = "4dabf18193072939515e22adb298388d"  # of Pulumi's special values (pulumi/sdk, "resource/sig.go")
ASSET, ARCHIVE = "c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
REFERRED = ("arn", "url", "name", "id")  # outputs that others take, the one that is preferred first
DEFAULTS = "__defaults"  # inputs that the provider has chosen, such as a physical name

Resource = Mapping[str, Any]  # of a state file


def write_bare_program(state: Mapping[str, Any], folder: Path) -> Path:
    """Write Pulumi.yaml and __main__.py into a new folder.

    state: what `pulumi stack export --show-secrets` prints
    """
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: bare\nruntime: python\n", encoding="utf-8")
    (folder / "__main__.py").write_text(bare_program(state["deployment"]["resources"]), encoding="utf-8")
    return folder


def bare_program(resources: Sequence[Resource]) -> str:
    """Return the program's source. Components and providers are left out."""
    chosen = [one for one in resources if one["custom"] and not one["type"].startswith("pulumi:")]
    names = {one["urn"]: f"resource_{number}" for number, one in enumerate(chosen)}
    known = {one["urn"]: one for one in chosen}
    lines = ["import pulumi", "import pulumi_aws", ""]
    for one in chosen:
        module, _, kind = one["type"].removeprefix("aws:").partition("/")
        logical = one["urn"].rpartition("::")[2]
        arguments = [repr(logical)]
        taken: set[str] = set()
        for name, value in _set(one["inputs"]).items():
            sources = [urn for urn in one.get("propertyDependencies", {}).get(name) or () if urn in known]
            taken.update(sources)
            outputs = _outputs([(names[urn], known[urn]) for urn in sources])
            arguments.append(f"{_snake(name)}={_source(value, outputs)}")
        if waits := [names[urn] for urn in one.get("dependencies") or () if urn in names and urn not in taken]:
            arguments.append(f"opts=pulumi.ResourceOptions(depends_on=[{', '.join(waits)}])")
        lines.append(
            f"{names[one['urn']]} = pulumi_aws.{_module(module)}.{kind.partition(':')[2]}({', '.join(arguments)})"
        )
    return "\n".join(lines) + "\n"


def _outputs(sources: Sequence[tuple[str, Resource]]) -> Mapping[str, str]:
    """Return expressions by the values that they have, the longest values first."""
    found: dict[str, str] = {}
    for variable, resource in sources:
        values = {**resource["outputs"], "id": resource["id"]}
        for name in REFERRED:
            if isinstance(value := values.get(name), str) and value:
                found.setdefault(value, f"{variable}.{name}")
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def _source(value: Any, outputs: Mapping[str, str]) -> str:
    """Return the Python expression of an input, with outputs in place of their values."""
    if isinstance(value, str):
        return _text(value, outputs)
    if isinstance(value, list):
        return f"[{', '.join(_source(one, outputs) for one in value)}]"
    if not isinstance(value, dict):
        return repr(value)
    if SIGNATURE in value:
        return _special(value, outputs)
    return f"{{{', '.join(f'{name!r}: {_source(one, outputs)}' for name, one in _set(value).items())}}}"


def _special(value: Mapping[str, Any], outputs: Mapping[str, str]) -> str:
    match value[SIGNATURE]:
        case kind if kind == ARCHIVE and "assets" in value:
            parts = (f"{name!r}: {_source(one, outputs)}" for name, one in value["assets"].items())
            return f"pulumi.AssetArchive({{{', '.join(parts)}}})"
        case kind if kind == ARCHIVE:
            return f"pulumi.FileArchive({value['path']!r})"
        case kind if kind == ASSET:
            return f"pulumi.StringAsset({value['text']!r})"
        case kind if kind == SECRET:
            return f"pulumi.Output.secret({value['plaintext']})"
    raise ValueError(f"a value with the signature {value[SIGNATURE]}")


def _text(text: str, outputs: Mapping[str, str]) -> str:
    if not outputs:
        return repr(text)
    parts = [part for part in re.split(f"({'|'.join(map(re.escape, outputs))})", text) if part]
    expressions = [outputs.get(part, repr(part)) for part in parts] or [repr(text)]
    if len(expressions) == 1:
        return expressions[0]
    return f"pulumi.Output.concat({', '.join(expressions)})"


def _set(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the inputs that the program set itself."""
    chosen = inputs.get(DEFAULTS, ())
    return {name: value for name, value in inputs.items() if name != DEFAULTS and name not in chosen}


def _module(name: str) -> str:
    return "lambda_" if name == "lambda" else name


def _snake(name: str) -> str:
    """As pulumi_aws spells a property: kmsMasterKeyId is kms_master_key_id."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
