"""Replaces the function's package by a next version's, and back, as a deploy and a rollback do.

The next version's tickets are `"ticket": 2` and have one more field; it reads both kinds.
"""

from __future__ import annotations

import io
import urllib.request
import zipfile
from dataclasses import dataclass

from batchbell_local.cloud import LocalCloud

TICKETS = "batchbell/dispatcher/records/ticket.py"
NEXT_TICKETS = """

def _to_next_body(ticket: Ticket, to_body=Ticket.to_body) -> str:
    return json.dumps(json.loads(to_body(ticket)) | {"ticket": 2, "receipt": {"ts": "1"}})


Ticket.to_body = _to_next_body
"""


@dataclass(frozen=True)
class Releases:
    """Two versions of one function's package, as zip files."""

    cloud: LocalCloud
    function: str
    original: bytes
    following: bytes

    @classmethod
    def of(cls, cloud: LocalCloud, function: str) -> Releases:
        """Begin with the package that is deployed."""
        url = cloud.client("lambda").get_function(FunctionName=function)["Code"]["Location"]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as response:
            original = response.read()
        return cls(cloud, function, original, next_version(original))

    def deploy(self) -> None:
        """Deploy the next version."""
        self._update(self.following)

    def roll_back(self) -> None:
        """Deploy the original again."""
        self._update(self.original)

    def _update(self, package: bytes) -> None:
        self.cloud.client("lambda").update_function_code(FunctionName=self.function, ZipFile=package)


def next_version(package: bytes) -> bytes:
    """Return the package of the next version. Raises KeyError if the package has no module of tickets."""
    made, fast = io.BytesIO(), 1
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        source = old.read(TICKETS)
        for entry in old.infolist():
            if not _is_of_tickets(entry.filename):
                new.writestr(entry, old.read(entry), compresslevel=fast)
        new.writestr(TICKETS, source + NEXT_TICKETS.encode())
    return made.getvalue()


def _is_of_tickets(name: str) -> bool:
    """True for the module and what Python compiled of it, which it would use whatever the source is."""
    folder, _, file = name.rpartition("/")
    return name == TICKETS or (file.startswith("ticket.") and folder == "batchbell/dispatcher/records/__pycache__")
