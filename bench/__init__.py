"""Measures batchbell on this machine: `python -m bench`, or `make bench`. docs/performance.md shows the results."""
