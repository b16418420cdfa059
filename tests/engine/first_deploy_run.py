"""Runs tools/first_deploy at a pace for local AWS. batchbell's commands are forked: most of their time are imports."""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.getcwd())

from tests.warm_python import adopt_orphans, warm_subprocess
from tools.first_deploy import program
from tools.first_deploy.__main__ import main
from tools.first_deploy.pace import Pace

if __name__ == "__main__":
    adopt_orphans()
    vars(program)["subprocess"] = warm_subprocess
    sys.exit(main(sys.argv[1:], Pace(child=1, look=0.3, policy=0.1, metric=5, alarm=1, gone=10)))
