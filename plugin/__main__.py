"""Starts the plug-in. The engine runs this folder, with its address as the first argument."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("batchbell needs Python 3.11 or newer as python3: remove plugin/.venv, and run `pulumi install` again")

sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder's own modules are found as `plugin`

from plugin.host import main  # noqa: E402

if __name__ == "__main__":
    main()
