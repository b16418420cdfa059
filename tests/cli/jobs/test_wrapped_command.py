"""The wrapped command under each shell that an image may have: the program receives what it received before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batchbell.cli.jobs.wrapped_command import names_that_a_shell_may_change, unwrap, wrap
from batchbell.dispatcher.records.index_ranges import to_ranges

pytestmark = pytest.mark.installed

# Prints its arguments and its environment.
PROGRAM = [
    sys.executable,
    "-SIc",
    "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))",
]
SHELLS = {"dash": ["dash"], "bash": ["bash"], "bash as sh": ["bash", "--posix"], "busybox sh": ["busybox", "sh"]}
OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}  # Python sets the last one
AWKWARD = [
    "a b",
    "",
    "'",
    '"',
    '"$HOME"',
    "`id`",
    "$(id)",
    "\\",
    "\n",
    "\ttwo\n\n",
    "*",
    "?",
    "~",
    "-n",
    "--",
    "-",
    "!#%&;|<>",
]


@pytest.fixture(params=SHELLS)
def shell(request):
    """The words that start a shell, in place of the `sh` of the image."""
    found = SHELLS[request.param]
    if shutil.which(found[0]) is None:
        missing = f"no {found[0]} on PATH: apt-get install {found[0]}"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return found


def run(words, environment):
    """Return the arguments and the environment that the program received."""
    done = subprocess.run(words, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    arguments, received = json.loads(done.stdout)
    return arguments, {name: value for name, value in received.items() if name not in OF_THE_SHELL}


def environment_of(indexes, size, position, /, **more):
    found = {
        "PATH": os.environ["PATH"],
        "BATCHBELL_INDEXES": ",".join(to_ranges(indexes)),
        "BATCHBELL_ARRAY_SIZE": str(size),
        **more,
    }
    if len(indexes) > 1:
        found |= {"AWS_BATCH_JOB_ARRAY_INDEX": str(position), "AWS_BATCH_JOB_ARRAY_SIZE": str(len(indexes))}
    return found


def before(index, size, /, **more):
    """The environment of the child in the first job."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_BATCH_JOB_ARRAY_INDEX": str(index),
        "AWS_BATCH_JOB_ARRAY_SIZE": str(size),
        **more,
    }


words = st.lists(st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: (
        not name.startswith(("AWS_BATCH", "BATCHBELL", "LC_", "LANG", "PYTHON", "LD_", "BASH"))
        and name not in ("PATH", "ENV", "POSIXLY_CORRECT", "TMOUT", "SECONDS", "RANDOM", "LINENO")
        and not names_that_a_shell_may_change([name])
    )
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=words,
    variables=st.dictionaries(names, st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=4),
    indexes=st.sets(st.integers(0, 9_999), min_size=1, max_size=40).map(sorted),
    data=st.data(),
)
@example(words=AWKWARD, variables={"position": "x", "range": "-", "first": " ", "count": "\n"}, indexes=[7], data=None)
def test_a_child_receives_what_it_received_before(shell, words, variables, indexes, data):
    position = data.draw(st.integers(0, len(indexes) - 1)) if data else 0
    _, *wrapped = wrap([*PROGRAM, *words])
    received = run([*shell, *wrapped], environment_of(indexes, 10_000, position, **variables))

    assert received == run([*PROGRAM, *words], before(indexes[position], 10_000, **variables))


@settings(max_examples=300, deadline=None)
@given(words=words.filter(lambda words: words and words[0]))
def test_the_original_words_can_be_read_back(words):
    assert unwrap(wrap(words)) == words
    assert all(wrap(words))  # SubmitJob takes no empty word
    assert unwrap(words) == words


def test_each_position_of_ranges_and_scattered_indexes_has_its_index(shell):
    indexes = [0, 1, 2, 3, 17, *range(40, 45), 9_998, 9_999]
    program = ["sh", "-c", "echo $AWS_BATCH_JOB_ARRAY_INDEX"]
    _, *wrapped = wrap(program)
    printed = [
        subprocess.run([*shell, *wrapped], env=environment_of(indexes, 10_000, position), capture_output=True).stdout
        for position in range(len(indexes))
    ]

    assert [int(text) for text in printed] == indexes


def test_the_longest_list_takes_no_longer_than_a_container_does_to_start(shell):
    indexes = list(range(1, 10_000, 2))
    received = run([*shell, *wrap(PROGRAM)[1:]], environment_of(indexes, 10_000, 4_999))

    assert received[1]["AWS_BATCH_JOB_ARRAY_INDEX"] == "9999"


def test_signals_reach_the_program_and_its_exit_code_is_the_jobs(shell):
    _, *wrapped = wrap(["sh", "-c", "kill -TERM $$"])
    ended = subprocess.run([*shell, *wrapped], env=environment_of([1, 3], 9, 1))

    assert ended.returncode == -15
    _, *wrapped = wrap(["sh", "-c", "exit 42"])
    assert subprocess.run([*shell, *wrapped], env=environment_of([1, 3], 9, 1)).returncode == 42


def test_a_position_without_an_index_runs_nothing(shell):
    _, *wrapped = wrap(["echo", "ran"])
    done = subprocess.run([*shell, *wrapped], env=environment_of([1, 3], 9, 2), capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (64, "")
    assert "no index for this child" in done.stderr


def test_what_a_shell_may_change_is_known(shell):
    """So that the operator is told beforehand."""
    given = {"my.key": "1", "a-b": "2", "IFS": "3", "SHLVL": "4", "PWD": "/nowhere", "OLDPWD": "5", "fine": "6"}
    received = run([*shell, *wrap(PROGRAM)[1:]], environment_of([1], 9, 0, **given))[1]
    changed = [name for name, value in given.items() if received.get(name) != value]

    assert set(changed) <= set(names_that_a_shell_may_change(given)) == set(given) - {"fine"}
