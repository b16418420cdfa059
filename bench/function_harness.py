"""Shared by the measurements of single function processes: packages, the runtime, and the instant endpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchbell.wire import ManifestEntry
from bench import function_package
from bench.function_process import FunctionEnvironment, FunctionProcess
from bench.instant_endpoint import InstantEndpoint
from bench.measurement import RunOptions

CHANNELS = ("slack", "email", "sns")


@dataclass(frozen=True)
class FunctionHarness:
    """Makes packages, and processes that run them."""

    options: RunOptions
    environment: FunctionEnvironment

    @property
    def endpoint(self) -> InstantEndpoint:
        return self.environment.endpoint

    def bundle(self, *types: str) -> Path:
        """Return the folder that a deploy with these notifiers uploads."""
        return function_package.make_bundle(self.options.folder / "bundles", *types)

    def unpack(self, name: str, *types: str, manifest: Sequence[ManifestEntry] = ()) -> Path:
        """Make a function's package; its manifest has by default one instance of each type."""
        entries = manifest or [function_package.manifest_entry(type_) for type_ in types]
        return function_package.unpack(
            self.bundle(*types), self.options.folder / name, self.endpoint.ca_bundle, entries
        )

    @contextlib.contextmanager
    def warm_process(self, task_root: Path) -> Iterator[FunctionProcess]:
        """Start a process and wait until it is ready for its first event."""
        with FunctionProcess(self.environment, task_root) as function:
            function.runtime.wait_until_ready()
            yield function


@contextlib.contextmanager
def start_harness(options: RunOptions) -> Iterator[FunctionHarness]:
    runtime = function_package.link_runtime(options.folder / "runtime")
    with InstantEndpoint(options.folder) as endpoint:
        yield FunctionHarness(options, FunctionEnvironment(runtime, endpoint))
