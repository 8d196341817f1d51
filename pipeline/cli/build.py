"""`crabwalk build`: zips of services, from the store where their inputs are known."""

from __future__ import annotations

import click

from pipeline.cli.options import Here, env_option, output_option


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--base", metavar="COMMIT", help="Only services affected since this commit.")
@output_option
def command(services: tuple[str, ...], env_name: str | None, base: str | None, output: str) -> int:
    """Build and package SERVICEs (all by default), one cargo run per target; nothing known is compiled again."""
    from pipeline.build import execute_build, plan_build
    from pipeline.manifest import load_services
    from pipeline.planning import no_such_service

    here = Here(env_name, json=output == "json")
    console = here.console
    found = load_services(here.project, env_name)
    known = [service.name for service in found]
    for name in services:
        if name not in known:
            raise no_such_service(name, known)
    chosen = [service for service in found if not services or service.name in services]
    if base is not None:
        from pipeline.workspace.affected import affected

        hit = {
            one.service
            for one in affected(here.repo, here.project, chosen, dict.fromkeys(known, here.repo.resolve(base)))
            if one.affected
        }
        chosen = [service for service in chosen if service.name in hit]
    plan = plan_build(here.project.root, chosen)
    artifacts = execute_build(plan, console.progress)
    if output == "json":
        console.json({"artifacts": [{**vars(artifact), "key": artifact.key} for artifact in artifacts]})
        return 0
    if not artifacts:
        console.line("nothing to build")
        return 0
    stored = {artifact.service for artifact in plan.stored}
    rows = [
        (
            artifact.service,
            artifact.architecture,
            f"{artifact.binary_size / 1000:,.0f} kB",
            f"{artifact.size / 1000:,.0f} kB",
            artifact.sha256[:12],
            "store" if artifact.service in stored else "compiled",
            artifact.path,
        )
        for artifact in artifacts
    ]
    console.table("", ("service", "architecture", "binary", "zip", "sha256", "from", "file"), rows)
    return 0
