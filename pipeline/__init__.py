"""crabwalk: Rust services from a git commit onto AWS Lambda, one careful step at a time.

The stages, in the order data flows: manifest, workspace, build, infra, release, report. Each is a folder with a pure
plan and a thin execute; `pipeline.deploying.deploy` composes them and `pipeline.cli` is the only place for click.
"""

__version__ = "0.1.0"
