"""`python -m batchbell`: the operators' commands."""

from batchbell.cli import app

if __name__ == "__main__":
    app(prog_name="python -m batchbell")
