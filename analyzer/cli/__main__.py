"""`python -m analyzer.cli`, the same as `sansho`."""

from analyzer.cli.main import run

run()
