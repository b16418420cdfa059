"""`python -m batchbell`: the command line."""

from batchbell.cli import PROGRAM, app

if __name__ == "__main__":
    app(prog_name=PROGRAM)
