"""`crabwalk report`: one release told whole, on the terminal, as JSON or as a self-contained page. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects
    from pipeline.release.ledger.records import Entry
    from pipeline.report.page.release import Package


@click.command()
@click.argument("release", metavar="RELEASE")
@env_option
@click.option(
    "--html",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it as one page that needs no network, for a browser or for paper.",
)
@output_option
def command(release: str, env_name: str | None, file: Path | None, output: str) -> int:
    """Tell RELEASE, an id or the name of a service for its latest release, from the ledger and CloudWatch.

    How its weights went, the requests, errors and latency of both versions with the judge's band, every event with who
    and why, how it was declared, and where its package is from. What CloudWatch has deleted by now is said.
    """
    from pipeline.release.verbs.account import as_json
    from pipeline.release.verbs.telling import account

    here = Here(env_name, json=output == "json")
    if here.fleet is not None:
        from pipeline.cli.fleets import report

        return report(here, release, file)
    found = account(here.engine, release, lambda: [one.name for one in here.services])
    package = package_of(here.engine.objects, found.entry)
    if file is not None:
        from importlib.metadata import version

        from pipeline.cli.summarizing import write_document
        from pipeline.report.page.release import markup

        write_document(file, markup(found, package, version("crabwalk")), "report")
    if output == "json":
        evidence = {"sha256": found.entry.artifact, "record": package.record, "provenance": package.provenance}
        here.console.json(as_json(found, {**evidence, "files": list(package.files)}))
    elif file is not None:
        here.console.good(f"release {found.entry.release_id} of {found.entry.service}: {file}")
    else:
        from pipeline.report.account import show_account

        show_account(here.console, found)
    return 0


def package_of(objects: Objects, entry: Entry) -> Package:
    """What the bucket tells of a release's artifact; that it cannot be read is said, not raised."""
    from pipeline.build.told import told
    from pipeline.errors import CrabwalkError
    from pipeline.report.page.release import Package

    if not entry.artifact:
        return Package({}, {})
    try:
        found = told(objects, entry.artifact, entry.commit or "")
    except CrabwalkError as fault:
        return Package({}, {}, fault=f"The bucket's evidence could not be read: {fault.what}.")
    return Package(found.record, found.provenance, found.files)
