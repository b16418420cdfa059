"""Notifiers whose module or `create` fails in any way: the others are made, and nothing shows a setting or a secret."""

from __future__ import annotations

import json
import sys
import threading

import pytest

from batchbell.contract import TemporaryError
from batchbell.dispatcher import manifest


@pytest.fixture
def received(monkeypatch):
    """What the channels received: they run in this process, and find the list in `sys`."""
    messages: list[str] = []
    monkeypatch.setattr(sys, "received", messages, raising=False)
    return messages


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Make the notifiers with these sources, by name; gives them by name, too."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(manifest, "CREATION_LIMIT", 0.5)

    def run(**sources):
        entries = []
        for name, source in sources.items():
            module = f"channel_{name}_{tmp_path.name}"
            (tmp_path / f"{module}.py").write_text(source)
            entries.append(
                {
                    "name": name,
                    "module": module,
                    "statuses": [],
                    "jobs": [],
                    "digest_after": 0,
                    "settings": {},
                    "secrets": {},
                }
            )
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps({"instances": entries}))
        return {instance.name: instance.notifier for instance in manifest.read_manifest(path).instances}

    yield run
    # A copy: a thread that a test has let go may still import.
    for name in [name for name in list(sys.modules) if name.endswith(tmp_path.name)]:
        del sys.modules[name]


GOOD = """
import sys
class Channel:
    def send(self, message): sys.received.append(message)
def create(settings, secrets): return Channel()
"""
SECRET = "https://hooks.example.com/token"


@pytest.mark.parametrize("place", ["import", "create"])
@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "ImportError", "GeneratorExit", "ValueError"])
def test_a_notifier_that_cannot_be_made_is_the_only_one(read, received, capfd, place, error):
    failing = f"raise {error}({SECRET!r})"
    source = failing if place == "import" else f"def create(settings, secrets): {failing}"
    made = read(odd=source, ops=GOOD)

    with pytest.raises(TemporaryError, match=f"channel_odd_.* cannot be used: {error}$"):
        made["odd"].send("hello")
    made["ops"].send("hello")
    assert received == ["hello"]
    assert SECRET not in "".join(capfd.readouterr())


def test_a_module_that_the_package_lacks_is_named(read):
    with pytest.raises(TemporaryError, match=r"No module named 'nowhere_to_be_found'$"):
        read(odd="import nowhere_to_be_found")["odd"].send("hello")


def test_one_that_hangs_while_it_is_made_is_used_once_it_is_ready(read, received, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(sys, "released", release, raising=False)
    made = read(slow=f"import sys\nsys.released.wait(30)\n{GOOD}", ops=GOOD)
    made["ops"].send("one")
    monkeypatch.setattr(manifest, "SEND_LIMIT", 0.1)
    with pytest.raises(TemporaryError, match=r"its import or create does not end$"):
        made["slow"].send("hello")
    monkeypatch.setattr(manifest, "SEND_LIMIT", 30)
    release.set()
    made["slow"].send("two")

    assert received == ["one", "two"]


COUNTED = f"""
import sys
sys.tries.append("create")
if len(sys.tries) < 3: raise ValueError({SECRET!r})
{GOOD}
"""


def test_one_that_could_not_be_made_is_made_again_every_few_minutes_until_it_works(read, received, monkeypatch):
    tries: list[str] = []
    monkeypatch.setattr(sys, "tries", tries, raising=False)
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    channel = read(odd=COUNTED)["odd"]

    def refused() -> int:
        """Send five messages that are refused. Returns how often the notifier was made by then."""
        for _ in range(5):
            with pytest.raises(TemporaryError, match="cannot be used: ValueError"):
                channel.send("early")
        return len(tries)

    assert refused() == 1
    now += manifest.CREATION_INTERVAL - 1
    assert refused() == 1
    now += 1
    assert refused() == 2
    now += manifest.CREATION_INTERVAL
    for message in ("one", "two"):
        channel.send(message)
    assert received == ["one", "two"]
    assert len(tries) == 3


def test_one_that_hangs_while_it_is_made_again_is_bounded_and_not_begun_a_third_time(read, monkeypatch):
    tries: list[str] = []
    released = threading.Event()
    monkeypatch.setattr(sys, "tries", tries, raising=False)
    monkeypatch.setattr(sys, "released", released, raising=False)
    monkeypatch.setattr(manifest, "CREATION_INTERVAL", 0.0)
    monkeypatch.setattr(manifest, "SEND_LIMIT", 0.1)
    hangs = "import sys\nsys.tries.append('')\nif len(sys.tries) > 1: sys.released.wait(30)\nraise ValueError"
    channel = read(odd=hangs)["odd"]
    for _ in range(3):
        with pytest.raises(TemporaryError, match="its import or create does not end"):
            channel.send("hello")
    assert len(tries) == 2
    released.set()


def test_a_stack_that_watches_nothing_imports_nothing_of_it(tmp_path, monkeypatch):
    for name in [name for name in list(sys.modules) if name.startswith("batchbell.dispatcher.watch")]:
        monkeypatch.delitem(sys.modules, name)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"instances": []}))

    assert manifest.read_manifest(path).watching is None
    assert [name for name in list(sys.modules) if name.startswith("batchbell.dispatcher.watch")] == []


def test_the_manifest_says_what_is_watched_and_when_to_warn(tmp_path):
    path = tmp_path / "manifest.json"
    watch = {
        "queues": ["arn:q"],
        "definitions": [],
        "statuses": ["FAILED"],
        "early_failures": {"percent": 20, "at_least": 5},
        "overdue_after": [{"jobs": "nightly-*", "minutes": 90}],
        "stalled_after": 30,
    }
    path.write_text(json.dumps({"instances": [], "watch": watch}))

    watching = manifest.read_manifest(path).watching
    assert watching is not None
    assert (watching.queues, watching.definitions, watching.statuses) == (("arn:q",), (), ("FAILED",))
    assert (watching.rules.percent, watching.rules.at_least, watching.rules.stalled) == (20.0, 5, 1_800.0)
    assert watching.rules.overdue_after("nightly-render") == 5_400.0
    assert watching.rules.overdue_after("other") is None
