"""Third-party distributions for the Lambda: finds which ones are needed, and their files for its platform.

pip alone cannot do it: with --platform it still evaluates markers for the running Python and machine (pypa/pip issue
11664), and resolves to old versions if the newest has no wheel. So this module walks the installed distributions, with
their markers evaluated for the runtime, and uses pip only to fetch wheels with native code, at the installed versions.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from importlib.metadata import Distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import Requirement
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name

from .errors import BundleError
from .runtime import Runtime

# boto3 and its parts come with the runtime (AWS: "Runtime-included SDK versions"); batchbell is bundled file by file.
PROVIDED = frozenset({"boto3", "botocore", "s3transfer", "batchbell"})

# Files of a *.dist-info folder to keep: `importlib.metadata.version()` reads METADATA, and licences must be passed on.
# All others say how the distribution was installed, and differ from machine to machine.
KEPT_METADATA = ("metadata", "entry_points.txt", "licenses", "license", "licence", "copying", "notice", "authors")

# Files that nothing there imports. Powertools, a third of it: routes of web APIs with Swagger UI, and what reads events
# with pydantic, Kafka's events, masks data and checks tokens, each with distributions that are not in the package.
# Apprise: translations, pictures, and its command.
LEFT_OUT = (
    "aws_lambda_powertools/event_handler/",
    *(f"aws_lambda_powertools/utilities/{name}/" for name in ("auth_alpha", "data_masking", "kafka", "parser")),
    "apprise/i18n/",
    "apprise/assets/",
    "apprise/cli.py",
)
# What a distribution requires for such files, by normalised names: Apprise for its command, files of settings, and
# Markdown that becomes HTML.
NOT_REQUIRED = {"apprise": ("click", "pyyaml", "markdown")}


def installed(name: str, needed_by: str) -> Distribution:
    """Find an installed distribution. Raises BundleError if it is not installed, or is an editable install."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise BundleError(
            f"{name}, which {needed_by} needs in the Lambda, is not installed: pip install {name}"
        ) from None
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        source = url2pathname(urlsplit(origin["url"]).path)
        raise BundleError(
            f"{name} is an editable install, which has no files to bundle: pip install {shlex.quote(source)}"
        )
    if distribution.files is None:
        raise BundleError(
            f"{name} was installed without a list of its files: pip install it into a virtual environment"
        )
    return distribution


def required(roots: Mapping[str, str], runtime: Runtime) -> dict[str, Distribution]:
    """Find the installed distributions that `roots` need on the runtime, themselves included, by normalised names.

    `roots`: requirement ("requests", "foo[bar]") → what needs it. Raises BundleError.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), needed_by, "") for text, needed_by in roots.items()]
    while waiting:
        requirement, needed_by, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in PROVIDED or not _applies(requirement, extra, runtime):
            continue
        if name not in found:
            found[name] = installed(requirement.name, needed_by)
        if not requirement.specifier.contains(found[name].version, prereleases=True):
            raise BundleError(
                f"{needed_by} needs {requirement} in the Lambda, and {found[name].version} is installed: "
                f"pip install {shlex.quote(f'{requirement.name}{requirement.specifier}')}"
            )
        for chosen in {"", *requirement.extras}:
            if (name, chosen) not in seen:
                seen.add((name, chosen))
                needed = map(Requirement, found[name].requires or ())
                waiting += [
                    (one, requirement.name, chosen)
                    for one in needed
                    if canonicalize_name(one.name) not in NOT_REQUIRED.get(name, ())
                ]
    return dict(sorted(found.items()))


def _applies(requirement: Requirement, extra: str, runtime: Runtime) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**runtime.markers, "extra": extra})


def modules(distribution: Distribution) -> dict[str, Path]:
    """The files of its modules, sources and native code, by the modules' names ("yaml", "yaml._yaml")."""
    found = {}
    for file in distribution.files or ():
        if file.suffix in (".py", ".so") and file.parts[0] != "..":
            *packages, last = [*file.parts[:-1], file.name.split(".")[0]]
            name = ".".join(packages if last == "__init__" else [*packages, last])
            found[name] = Path(str(distribution.locate_file(file)))
    return found


def runs_on(distribution: Distribution, runtime: Runtime) -> bool:
    """Whether the installed files run on the runtime: pure Python, or built for its platform."""
    lines = (distribution.read_text("WHEEL") or "").splitlines()
    built_for = (tag for line in lines if line.startswith("Tag:") for tag in parse_tag(line[4:].strip()))
    return any(tag in runtime.tags for tag in built_for)


def files(distribution: Distribution) -> Iterator[tuple[str, Path]]:
    """The distribution's files for the package, by their names in it. Raises BundleError if one is missing."""
    for file in distribution.files or ():
        if file.parts[0] == ".." or "__pycache__" in file.parts or file.suffix == ".pyc":
            continue  # scripts and manual pages; files that the installing machine compiled
        if file.as_posix().startswith(LEFT_OUT):
            continue
        if file.parts[0].endswith(".dist-info") and not file.parts[1].lower().startswith(KEPT_METADATA):
            continue
        path = Path(str(distribution.locate_file(file)))
        if not path.is_file():
            raise BundleError(
                f"{file} of {distribution.name} {distribution.version} is missing: "
                f"pip install --force-reinstall {distribution.name}=={distribution.version}"
            )
        yield file.as_posix(), path


def fetch(distributions: Sequence[Distribution], runtime: Runtime, folder: Path) -> list[Distribution]:
    """Fetch wheels of the same versions for the runtime, and unpack them into `folder`.

    They come from the package index that pip is configured with. Raises BundleError, naming the distributions without
    such a wheel.
    """
    if importlib.util.find_spec("pip") is None:
        raise BundleError(
            f"{sys.executable} has no pip, which builds the Lambda's package: {sys.executable} -m ensurepip"
        )
    pins = [f"{distribution.name}=={distribution.version}" for distribution in distributions]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--no-compile", "--only-binary=:all:", "--target", str(folder)]
    command += ["--implementation", "cp", "--python-version", runtime.python]
    command += [argument for platform in runtime.platforms for argument in ("--platform", platform)]
    command += [argument for abi in runtime.abis for argument in ("--abi", abi)]
    done = subprocess.run([*command, *pins], capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        errors = [line.strip() for line in done.stderr.splitlines() if line.startswith("ERROR")]
        lacking = [
            pin for pin in pins if any(line.endswith(f"No matching distribution found for {pin}") for line in errors)
        ]
        raise BundleError(
            f"no wheels of {', '.join(lacking or pins)} for {runtime} (manylinux, glibc 2.{runtime.glibc} or older), "
            f"or the package index does not answer. pip says: {errors[-1] if errors else done.stderr.strip()[-500:]}"
        )
    return list(metadata.distributions(path=[str(folder)]))
