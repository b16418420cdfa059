"""The comparison with other programs: what counts as in time, lost and doubled, and what each is started with."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from batchbell_local.slack.sink import SlackSink
from bench.peers import install
from bench.peers.alertmanager import _configuration
from bench.peers.faults import all_faults, end
from bench.peers.install import PeerMissing
from bench.peers.sink import Arrivals, Result, jobs_in


def post(sink: SlackSink, text: str) -> None:
    request = urllib.request.Request(
        sink.url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()


def test_a_job_in_two_messages_is_doubled_and_a_mark_in_either_says_so():
    with SlackSink.start() as sink:
        arrivals = Arrivals(sink)
        post(sink, "peer-well-000 peer-well-001")
        post(sink, "peer-well-000: this may be a repeat")
        post(sink, "peer-well-001")
        result = arrivals.result(["peer-well-000", "peer-well-001", "peer-well-002"], raised=0.0, kept=0)

    assert (result.doubled, result.marked, result.requests, result.lost) == (2, 1, 3, 1)


def test_a_job_that_is_kept_for_a_later_attempt_is_not_lost():
    assert Result(jobs=3, waited={"a": 1.0}, doubled=0, marked=0, requests=1, kept=2).lost == 0


def test_a_late_message_is_neither_in_time_nor_lost():
    result = Result(jobs=2, waited={"a": 1.0, "b": 11.0}, doubled=0, marked=0, requests=2)

    assert (result.within(10.0), result.lost) == (1, 0)


def test_faults_have_jobs_with_names_of_their_own_that_are_found_in_any_payload():
    names = [name for fault in all_faults() for name in fault.names()]

    assert len(set(names)) == len(names)
    assert jobs_in(json.dumps({"attachments": [{"title": name} for name in names]})) == set(names)


def test_after_a_fault_a_slack_accepts_everything_again():
    with SlackSink.start() as sink:
        for fault in all_faults():
            fault.begin(sink)
            end(sink)
            post(sink, "peer-well-000")

        assert len(sink.accepted) == len(all_faults())


def test_alertmanager_sends_each_job_by_itself_and_at_once():
    route = _configuration("http://127.0.0.1:1/services/T/B/x")["route"]

    assert (route["group_by"], route["group_wait"]) == (["job"], "0s")


def test_a_program_is_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[Path] = []

    folders = {install._once("peer-1", made.append) for _ in range(2)}

    assert made == list(folders)


def test_an_installation_that_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(folder: Path) -> None:
        raise PeerMissing("no registry")

    with pytest.raises(PeerMissing):
        install._once("peer-1", fail)
    made: list[Path] = []
    install._once("peer-1", made.append)

    assert len(made) == 1


def test_without_go_there_is_no_alertmanager_and_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(install, "apprise", lambda: tmp_path / "python")

    install.main()

    assert capsys.readouterr().err == "Alertmanager: there is no Go to build it: not compared\n"


@pytest.mark.parametrize(
    ("errors", "printed", "reason"),
    [
        ("Looking …\nERROR: No matching distribution found\n", "", "ERROR: No matching distribution found"),
        ("", '{"Path": "github.com/x", "Error": "module lookup disabled"}', "module lookup disabled"),
        ("", "", "no reason given"),
    ],
)
def test_the_line_about_a_program_that_is_missing_gives_the_installers_reason(errors: str, printed: str, reason: str):
    assert install._reason(errors, printed) == reason
