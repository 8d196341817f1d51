"""The examples at the end of each verb's `--help`: what is wanted, and the command. Data, and how it is written.

Loaded only when somebody asks for help. Tests hold every verb to having some, and every command to be one that parses.
"""

from __future__ import annotations

from collections.abc import Mapping

import click

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "init": (
        ("A new repository with workflows for GitHub", "crabwalk init shop"),
        ("In this folder, for GitLab", "crabwalk init --name shop --ci gitlab"),
        ("What would be written", "crabwalk init shop --dry-run"),
    ),
    "new": (
        ("A service that answers HTTP requests", "crabwalk new hello --kind http"),
        ("One that works off a queue", "crabwalk new jobs --kind sqs"),
    ),
    "doctor": (
        ("This machine and this project", "crabwalk doctor"),
        ("Everything a deploy to staging needs", "crabwalk doctor --env staging --verb deploy"),
        ("May these credentials roll production back?", "crabwalk doctor --env production --role rollback"),
    ),
    "check": (
        ("All manifests, all problems", "crabwalk check"),
        ("The schemas that editors complete by", "crabwalk check --schema"),
    ),
    "affected": (
        ("What this commit affects in staging", "crabwalk affected --env staging"),
        ("What a branch changes, without AWS", "crabwalk affected --merge-base main"),
    ),
    "build": (
        ("All services", "crabwalk build"),
        ("One, as production wants it", "crabwalk build hello --env production"),
    ),
    "plan": (
        ("What a deploy would do now", "crabwalk plan --env staging"),
        ("Keep it, so that exactly this is deployed later", "crabwalk plan --env production --save"),
    ),
    "deploy": (
        ("Release what the commit affects", "crabwalk deploy --env staging"),
        ("One service", "crabwalk deploy hello --env staging"),
        ("Exactly the plan that was reviewed", "crabwalk deploy --env production --plan 7f3a9c"),
        ("Hand the walks over to the watchdog", "crabwalk deploy --env production --detach"),
    ),
    "status": (
        ("Everything in production", "crabwalk status --env production"),
        ("For a script", "crabwalk status hello --env production --output json"),
    ),
    "watch": (
        ("Look on until all walks have ended", "crabwalk watch --env production"),
        ("On a schedule: go on with what nobody walks", "crabwalk watch --env production --unattended"),
    ),
    "history": (
        ("All releases of a service", "crabwalk history hello --env production"),
        ("What was rolled back", "crabwalk history --env production --outcome rolled-back"),
    ),
    "metrics": (("The four DORA figures of a quarter", "crabwalk metrics --env production --since 90d"),),
    "promote": (
        ("The next step, or the approval it waits for", "crabwalk promote hello --env production"),
        ("All traffic now", 'crabwalk promote hello --env production --full --reason "fixes the outage"'),
    ),
    "pause": (("Hold it while somebody looks", 'crabwalk pause hello --env production --reason "odd logs"'),),
    "resume": (("Go on with it, or deploy to it again after a rollback", "crabwalk resume hello --env production"),),
    "abort": (("End a walk", 'crabwalk abort hello --env production --reason "wrong flag"'),),
    "adopt": (
        (
            "Take what somebody set by hand for released",
            'crabwalk adopt hello --env production --reason "set by hand in the outage"',
        ),
    ),
    "retry": (("Once more what was rolled back before", "crabwalk retry hello --env staging"),),
    "logs": (
        ("The last lines", "crabwalk logs hello --env production"),
        ("What comes from now on", "crabwalk logs hello --env production --follow"),
    ),
    "judge": (("What the limits would have said of a walk", "crabwalk judge --replay minutes.csv"),),
    "invoke": (
        ("Its sample event, through the alias", "crabwalk invoke hello --env staging"),
        ("An event of your own, to one version", "crabwalk invoke hello --env staging --event one.json --version 7"),
    ),
    "dev": (("Run it here, compiled as you edit", "crabwalk dev hello"),),
    "cost": (
        ("What all services cost a month", "crabwalk cost --env production"),
        ("A guess, without AWS", "crabwalk cost hello --env production --requests 5000000 --duration '12 ms'"),
    ),
    "tune": (("Which memory size is cheapest", "crabwalk tune hello --env staging"),),
    "rollback": (
        ("Back to the previous stable version, now", "crabwalk rollback hello --env production"),
        ("To a certain version", "crabwalk rollback hello --env production --to 41"),
        (
            "Without a project file",
            "crabwalk rollback hello --function shop-production-hello --region eu-west-1",
        ),
    ),
    "report": (("One release as a page of its own", "crabwalk report hello --env production --html release.html"),),
    "dashboard": (("An environment as a page, on this machine", "crabwalk dashboard --env production"),),
    "roles": (("What a workflow's job takes to deploy", "crabwalk roles deploy --env production"),),
    "post": (
        (
            "A plan into the pull request's comment",
            "crabwalk post plan.md --env staging --pull-request 12",
        ),
    ),
    "prune": (("Delete versions that nothing needs", "crabwalk prune --env staging"),),
    "drift": (("What somebody changed by hand; exit code 6 if so", "crabwalk drift --env production"),),
    "render": (
        ("The Terraform of a service", "crabwalk render hello --env staging"),
        ("Whole roots, to look at without AWS", "crabwalk render --env staging --offline --out roots"),
    ),
    "move": (("Into the stack its manifest names now", "crabwalk move hello --stack web --env staging"),),
    "destroy": (("All that it has; asks for its name", "crabwalk destroy hello --env staging"),),
    "unlock": (
        ("Who holds which lock", "crabwalk unlock --env staging"),
        ("Free one whose run is dead", "crabwalk unlock hello --env staging"),
    ),
    "bootstrap": (
        ("An environment's bucket", "crabwalk bootstrap staging"),
        ("And the roles of a repository's workflows", "crabwalk bootstrap staging --github acme/shop"),
    ),
    "local": (
        ("Start the embedded AWS", "crabwalk local up"),
        ("Make it ready, deploy to it", "crabwalk bootstrap local"),
        ("Stop it", "crabwalk local down"),
    ),
    "demo": (("The whole story, in some minutes", "crabwalk demo"),),
    "completion": (
        ("For this shell", 'eval "$(crabwalk completion bash)"'),
        ("For every fish to come", "crabwalk completion fish > ~/.config/fish/completions/crabwalk.fish"),
    ),
}


def write(verb: str, formatter: click.HelpFormatter) -> None:
    """The block of a verb; nothing is folded, so that every line can be copied."""
    found = EXAMPLES.get(verb, ())
    if not found:
        return
    with formatter.section("Examples"):
        for index, (wanted, command) in enumerate(found):
            gap = "\n" if index else ""
            formatter.write(f"{gap}{'':>{formatter.current_indent}}{wanted}:\n")
            formatter.write(f"{'':>{formatter.current_indent + 2}}{command}\n")
