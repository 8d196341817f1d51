"""`python -m pipeline` is `crabwalk`."""

from pipeline.cli import main

main()
