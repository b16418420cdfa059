"""The Lambda runtime that the package is built for, whatever machine deploys it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging import tags

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}  # Lambda's name: Python's name

# Minor version of the runtime's glibc 2.x (AWS: "Lambda runtimes"): python3.11 runs on Amazon Linux 2, which has 2.26;
# all later ones on Amazon Linux 2023, which has 2.34.
AMAZON_LINUX_2 = {"3.11": 26}
AMAZON_LINUX_2023 = 34

OLDEST_GLIBC = {"aarch64": 17, "x86_64": 5}  # PEP 599 and PEP 513
LEGACY_PLATFORMS = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}  # names from before PEP 600


@dataclass(frozen=True)
class Runtime:
    """A Lambda runtime: `python` such as "3.13", `architecture` "arm64" or "x86_64"."""

    python: str
    architecture: str

    @classmethod
    def host(cls) -> Runtime:
        """The runtime closest to this machine and this Python."""
        machine = platform.machine().lower()
        architecture = "arm64" if machine in ("arm64", "aarch64") else "x86_64"
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", architecture)

    def __str__(self) -> str:
        return f"python{self.python} on {self.architecture}"

    @property
    def glibc(self) -> int:
        """The minor version of the runtime's glibc 2.x."""
        return AMAZON_LINUX_2.get(self.python, AMAZON_LINUX_2023)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms whose wheels run there, newest first, for pip's --platform."""
        machine = MACHINES[self.architecture]
        names: list[str] = []
        for minor in range(self.glibc, OLDEST_GLIBC[machine] - 1, -1):
            names.append(f"manylinux_2_{minor}_{machine}")
            if legacy := LEGACY_PLATFORMS.get(minor):
                names.append(f"{legacy}_{machine}")
        return tuple(names)

    @property
    def abis(self) -> tuple[str, ...]:
        return (f"cp{self.python.replace('.', '')}", "abi3", "none")

    @cached_property
    def tags(self) -> frozenset[tags.Tag]:
        """The tags of wheels that run there, including pure ones (py3-none-any)."""
        version = tuple(int(part) for part in self.python.split("."))
        interpreter = self.abis[0]
        return frozenset(tags.cpython_tags(version, [interpreter], self.platforms)) | frozenset(
            tags.compatible_tags(version, interpreter, self.platforms)
        )

    @property
    def markers(self) -> Mapping[str, str]:
        """The values of all environment markers there (PEP 508): a missing one would be this machine's."""
        latest_patch = f"{self.python}.99"  # AWS keeps its runtimes at the newest patch release
        return {
            "implementation_name": "cpython",
            "implementation_version": latest_patch,
            "os_name": "posix",
            "platform_machine": MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": latest_patch,
            "python_version": self.python,
            "sys_platform": "linux",
        }
