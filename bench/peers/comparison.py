"""Measures batchbell beside Apprise and Alertmanager: the same jobs, the same faults, each with a Slack of its own.

All run at the same time, so that other load on the machine affects all of them. What a program cannot be installed for
is said, and the others are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from statistics import median

from bench.measurement import Check, Measurement, RunOptions, Table
from bench.peers import alertmanager, apprise_loop, bare_rule, batchbell_stack, install
from bench.peers.alertmanager import GROUP_INTERVAL
from bench.peers.apprise_loop import PAUSE, RETRIES
from bench.peers.batchbell_stack import FUNCTION_TIMEOUT
from bench.peers.faults import Fault, all_faults, end
from bench.peers.install import PeerMissing
from bench.peers.program import Program
from bench.peers.sink import Result

TITLE = "Beside other programs"
IN_TIME = 10.0  # s from the event to the message
LINGER = 1.0  # s after the last program is done: a message that comes twice comes late
COLD_ROUNDS = 3
COLD_TIMEOUT = 30.0  # s
TRIAL_JOBS = 3
SETTINGS = {
    "batchbell": f"function_timeout {FUNCTION_TIMEOUT} s; with the default of 30 s, whatever is tried again comes back "
    "four times as late",
    "Apprise": f"{RETRIES} retries with a pause of {PAUSE:g} s; by default it tries once. It sends one message every "
    "1.2 s, so that Slack accepts them",
    "Alertmanager": f"group_interval {GROUP_INTERVAL} s instead of 5 minutes; the one who raised an alert that it lost "
    "would have to raise it again, as Prometheus does, and AWS Batch does not",
}

Results = Mapping[str, Result]  # by program


def measure(options: RunOptions) -> Measurement:
    with ExitStack() as stack:
        programs, missing = _start(options, stack)
        cold: dict[str, list[float]] = {one.name: [] for one in programs}
        for number in range(options.repetitions(COLD_ROUNDS)):
            for one in programs:
                cold[one.name].append(_time_cold_start(one, number))
        faults = all_faults(TRIAL_JOBS) if options.trial else all_faults()
        results: dict[str, Results] = {}
        memory = {one.name: 0.0 for one in programs}
        for fault in faults:
            results[fault.what] = _go_through(fault, programs)
            memory = {one.name: max(memory[one.name], one.peak_memory()) for one in programs}
    rule = bare_rule.measure(options)
    ours = [each["batchbell"] for each in results.values()]
    return Measurement(
        checks=[
            Check("beside other programs: jobs that batchbell lost", sum(one.lost for one in ours), 0, exact=True),
            Check(
                "beside other programs: jobs that it doubled without a word",
                sum(one.doubled - one.marked for one in ours),
                0,
                exact=True,
            ),
        ],
        shown={**SETTINGS, **({"not compared": "; ".join(missing)} if missing else {})},
        tables=[_faults_table(results), _programs_table(cold, memory), rule.table],
        figures={
            "faults": {what: {name: one.to_dict() for name, one in each.items()} for what, each in results.items()},
            "cold": cold,
            "memory": memory,
            "bare_rule": rule.figures,
        },
    )


def _start(options: RunOptions, stack: ExitStack) -> tuple[Sequence[Program], Sequence[str]]:
    """Return the running programs, and why the others are missing."""
    starts: Sequence[Callable[[], AbstractContextManager[Program]]] = (
        partial(batchbell_stack.running, options.project),
        lambda: apprise_loop.running(install.apprise()),
        lambda: alertmanager.running(install.alertmanager(), options.folder / "alertmanager"),
    )
    programs: list[Program] = []
    missing: list[str] = []
    for start in starts:
        try:
            programs.append(stack.enter_context(start()))
        except PeerMissing as reason:
            missing.append(str(reason))
    return programs, missing


def _time_cold_start(program: Program, number: int) -> float:
    """Return the seconds from the start of what sends to its first message."""
    name = f"peer-cold-{number:03}"
    started = time.monotonic()
    program.start_cold(name)
    if not program.arrivals.wait_for([name], COLD_TIMEOUT):
        raise RuntimeError(f"{program.name} sent nothing within {COLD_TIMEOUT:g} s of its start")
    program.settle(COLD_TIMEOUT)
    return program.arrivals.first[name] - started


def _go_through(fault: Fault, programs: Sequence[Program]) -> Results:
    """Let all programs go through the fault at the same time."""
    with ThreadPoolExecutor(len(programs)) as pool:
        ends = list(pool.map(partial(_suffer, fault), programs))
    time.sleep(LINGER)
    found = {one.name: one.arrivals.result(fault.names(), *ending) for one, ending in zip(programs, ends, strict=True)}
    for one in programs:
        end(one.arrivals.sink)
    return found


def _suffer(fault: Fault, program: Program) -> tuple[float, int]:
    """Let the jobs finish; return when (monotonic, seconds), and how many messages the program still keeps at the end.

    Ends once all have arrived, or when the patience is over.
    """
    names = fault.names()
    fault.begin(program.arrivals.sink)
    raised = time.monotonic()
    program.notify(names)
    if fault.kills:
        program.arrivals.wait_for_request(names, fault.patience)
        program.kill()
    program.arrivals.wait_for(names, raised + fault.patience - time.monotonic())
    return raised, program.settle(max(0.0, raised + fault.patience - time.monotonic()))


def _faults_table(results: Mapping[str, Results]) -> Table:
    rows = [
        [
            what,
            name,
            f"{one.jobs}",
            f"{one.within(IN_TIME)}",
            f"{median(one.waited.values()):.2f} s, {max(one.waited.values()):.2f} s" if one.waited else "-",
            f"{one.lost} ({one.kept} kept)" if one.kept else f"{one.lost}",
            f"{one.doubled} ({one.marked})" if one.doubled else "0",
            f"{one.requests}",
        ]
        for what, each in results.items()
        for name, one in each.items()
    ]
    columns = [
        "fault",
        "program",
        "jobs",
        f"in {IN_TIME:g} s",
        "waited: median, longest",
        "lost",
        "doubled (and said so)",
        "requests to Slack",
    ]
    return Table("The same jobs and faults, each program with a Slack of its own", columns, rows)


def _programs_table(cold: Mapping[str, Sequence[float]], memory: Mapping[str, float]) -> Table:
    rows = [
        [
            name,
            f"{median(times):.2f} s ({min(times):.2f} to {max(times):.2f})",
            f"{median(one / ours for one, ours in zip(times, cold['batchbell'], strict=True)):.2f} ×",
            f"{memory[name]:.0f} MB",
        ]
        for name, times in cold.items()
    ]
    columns = ["program", "cold start to the first message", "× batchbell (pairs)", "peak memory of a process"]
    return Table("What each program takes", columns, rows)
