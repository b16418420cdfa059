"""The command of a rerun: a short shell script gives a child its old index, then runs the original words.

AWS_BATCH_JOB_ARRAY_INDEX cannot be overridden in a submission, but a process may set it for the program that it starts.
The words are positional parameters, which no shell reads again: quotes, spaces, `$` and line breaks stay as they are,
and Batch replaces each `Ref::name` in them as before. The script is the same for all jobs: which indexes they are
stands in two variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from batchbell.wire import RERUN_ARRAY_SIZE, RERUN_INDEXES

VARIABLES = (RERUN_INDEXES, RERUN_ARRAY_SIZE)

_MARK = "# batchbell rerun"
# A subshell looks the index up, so that no variable of the script reaches the program. A single job has no position.
SCRIPT = f"""\
{_MARK}: the old index of this child, then the original command
AWS_BATCH_JOB_ARRAY_INDEX=$(
  position=${{AWS_BATCH_JOB_ARRAY_INDEX:-0}}
  IFS=,
  for range in ${RERUN_INDEXES}
  do
    first=${{range%-*}} last=${{range#*-}}
    count=$((last - first + 1))
    if [ "$position" -lt "$count" ]
    then
      echo $((first + position))
      exit 0
    fi
    position=$((position - count))
  done
  exit 1
) || {{
  echo "batchbell: {RERUN_INDEXES} has no index for this child" >&2
  exit 64
}}
AWS_BATCH_JOB_ARRAY_SIZE=${RERUN_ARRAY_SIZE}
export AWS_BATCH_JOB_ARRAY_INDEX AWS_BATCH_JOB_ARRAY_SIZE
unset {RERUN_INDEXES} {RERUN_ARRAY_SIZE}
"""
_RUN = 'exec "$@"'
_WITH_EMPTY = re.compile(r"^set -- (.*)$", re.MULTILINE)
_SET_WORD = re.compile(r"\"\$\{([0-9]+)\}\"|''")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# POSIX, "Shell Variables", and those that bash does not let anybody set (bash manual, "Bash Variables").
_SET_BY_SHELLS = {"IFS", "OPTIND", "PPID", "PWD", "OLDPWD", "SHLVL", "_", "UID", "EUID", "BASHOPTS", "SHELLOPTS"}


def wrap(words: Sequence[str]) -> list[str]:
    """Return the command that runs `words` with the old index. `words`: not empty, and neither is the first one."""
    return ["sh", "-c", SCRIPT + _empty_words(words) + _RUN, "sh", *filter(None, words)]


def _empty_words(words: Sequence[str]) -> str:
    """Return the line of the script that puts empty words back: a submission takes none.

    Source: AWS Batch API reference, ContainerOverrides ("can't contain an empty string").
    """
    if all(words):
        return ""
    numbers = iter(range(1, len(words) + 1))
    return "set -- " + " ".join(f'"${{{next(numbers)}}}"' if word else "''" for word in words) + "\n"


def is_wrapped(words: Sequence[str]) -> bool:
    return len(words) > 4 and list(words[:2]) == ["sh", "-c"] and words[2].startswith(_MARK)


def unwrap(words: Sequence[str]) -> list[str]:
    """Return the original words of a wrapped command, also of another version; any other command as it is."""
    if not is_wrapped(words):
        return list(words)
    given = words[4:]
    with_empty = _WITH_EMPTY.search(words[2])
    if with_empty is None:
        return list(given)
    return [given[int(found[1]) - 1] if found[1] else "" for found in _SET_WORD.finditer(with_empty[1])]


def names_that_a_shell_may_change(names: Iterable[str]) -> list[str]:
    """Return the variables whose values may not reach the program through a shell.

    dash and busybox drop what is no name to a shell, such as "my.key" (tried; POSIX leaves it open); every shell sets
    some variables itself.
    """
    return sorted(name for name in names if name in _SET_BY_SHELLS or not _NAME.fullmatch(name))
