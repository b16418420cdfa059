"""What the measurements of single function processes share: packages, the runtime, the instant endpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import package
from bench.finding import Order
from bench.function_process import FunctionProcess, Place
from bench.instant_endpoint import InstantEndpoint

CHANNELS = ("slack", "email", "sns")


@dataclass(frozen=True)
class Rig:
    order: Order
    place: Place

    @property
    def endpoint(self) -> InstantEndpoint:
        return self.place.endpoint

    def bundle(self, *types: str) -> Path:
        """The folder that a deploy with these notifiers uploads."""
        return package.make_bundle(self.order.folder / "bundles", *types)

    def unpack(self, name: str, *types: str, manifest: Sequence[Mapping[str, Any]] = ()) -> Path:
        """A function's package; by default with an instance of each type."""
        entries = manifest or [package.entry(type_) for type_ in types]
        return package.unpack(self.bundle(*types), self.order.folder / name, self.endpoint.authorities, entries)

    @contextlib.contextmanager
    def warm(self, task_root: Path) -> Iterator[FunctionProcess]:
        """A process that waits for its first event."""
        with FunctionProcess(self.place, task_root) as function:
            function.runtime.wait_until_ready()
            yield function


@contextlib.contextmanager
def set_up(order: Order) -> Iterator[Rig]:
    runtime = package.link_runtime(order.folder / "runtime")
    with InstantEndpoint(order.folder) as endpoint:
        yield Rig(order, Place(runtime, endpoint))
