from __future__ import annotations

import io
import json
import sys
import types
import zipfile

import pytest

from batchbell.dispatcher.records import ticket
from demo.chaos.releases import TICKETS, next_version

COMPILED = "batchbell/dispatcher/records/__pycache__/ticket.cpython-311.pyc"


@pytest.fixture
def package(project):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.write(project / TICKETS, TICKETS)
        archive.writestr(COMPILED, b"compiled")
        archive.writestr("manifest.json", "{}")
    return made.getvalue()


@pytest.fixture
def following(package, monkeypatch):
    """The next version's module of tickets."""
    with zipfile.ZipFile(io.BytesIO(next_version(package))) as archive:
        assert sorted(archive.namelist()) == [TICKETS, "manifest.json"]
        source = archive.read(TICKETS).decode()
    module = types.ModuleType("batchbell.dispatcher.records.next_ticket")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where data classes look up their types
    exec(compile(source, TICKETS, "exec"), vars(module))
    return module


def test_the_next_versions_tickets_are_read_by_both_versions(following):
    message = {"key": "key", "title": "title", "kind": "finished", "status": "FAILED", "severity": "error"}
    body = {"ticket": 1, "message": message, "notifier": "slack", "reason": "429", "first_tried": 5.0, "attempt": 2}
    written = json.loads(following.Ticket.from_body(body, 10.0).to_body())

    assert (written["ticket"], written["receipt"]) == (2, {"ts": "1"})
    for version in (following, ticket):
        read = version.Ticket.from_body(written, 10.0)
        assert (read.notifier, read.message.title, read.first_tried, read.attempt) == ("slack", "title", 5.0, 2)
    assert json.loads(ticket.Ticket.from_body(written, 10.0).to_body())["ticket"] == 1


def test_a_package_without_a_module_of_tickets_has_no_next_version():
    made = io.BytesIO()
    zipfile.ZipFile(made, "w").close()

    with pytest.raises(KeyError):
        next_version(made.getvalue())
