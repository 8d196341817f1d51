"""`crabwalk build`: zips of services, from the store where their inputs are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, output_option

if TYPE_CHECKING:
    from pipeline.manifest.models import Service


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option(
    "--env",
    "env_name",
    metavar="NAME",
    help="Build as this environment's overlay says; without it, as the manifest itself says.",
)
@click.option("--base", metavar="COMMIT", help="Only services affected since this commit.")
@click.option(
    "--compiler",
    type=click.Choice(["cargo-zigbuild", "cargo", "cross"]),
    help="What compiles and links; default: `build.compiler` of crabwalk.yaml, or cargo-zigbuild.",
)
@click.option("--force", is_flag=True, help="Compile also what the store knows.")
@output_option
def command(
    services: tuple[str, ...],
    *,
    env_name: str | None,
    base: str | None,
    compiler: str | None,
    force: bool,
    output: str,
) -> int:
    """Build and package SERVICEs (all by default), one cargo run per target; nothing known is compiled again."""
    from pipeline.build import execute_build, plan_build
    from pipeline.report.build import BuildView, document, show

    here = Here(env_name, json=output == "json")
    console, settings = here.console, here.project.build
    chosen = _chosen(here, services, base)
    plan = plan_build(
        here.project.root,
        chosen,
        compiler=compiler or settings.compiler,
        auditable=settings.auditable,
        deny=settings.deny,
        force=force,
    )
    with BuildView(console) as view:
        artifacts = execute_build(plan, view)
    if output == "json":
        kinds = {service.name: service.kind for service in chosen}
        console.json({"artifacts": [document(artifact, kinds[artifact.service]) for artifact in artifacts]})
        return 0
    if not artifacts:
        console.line("nothing to build")
        return 0
    show(console, artifacts)
    return 0


def _chosen(here: Here, services: tuple[str, ...], base: str | None) -> list[Service]:
    """The services that were named, without those that `base` leaves out."""
    from pipeline.manifest import load_services
    from pipeline.manifest.naming import named
    from pipeline.manifest.project import no_such_environment

    if here.env_name is not None and here.env_name not in here.project.environment_names:
        raise no_such_environment(here.project, here.env_name)
    found = load_services(here.project, here.env_name)
    chosen = list(named(found, services))
    if base is None:
        return chosen
    from pipeline.workspace.affected import affected

    bases = dict.fromkeys([service.name for service in found], here.repo.base(base))
    hit = {one.service for one in affected(here.repo, here.project, chosen, bases) if one.affected}
    return [service for service in chosen if service.name in hit]
