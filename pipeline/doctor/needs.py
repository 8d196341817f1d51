"""Which role a verb takes in an environment, and which tools that role's verbs use. Tables only.

The roles are those of modules/github-oidc (docs/bootstrap.md); people's own credentials need the same rights.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.infra.names import GITHUB_ROLES

ROLES = GITHUB_ROLES

VERBS: Mapping[str, str] = {
    "plan": "plan",
    "drift": "plan",
    "build": "build",
    "deploy": "deploy",
    "promote": "deploy",
    "pause": "deploy",
    "resume": "deploy",
    "abort": "deploy",
    "retry": "deploy",
    "adopt": "deploy",
    "prune": "deploy",
    "unlock": "deploy",
    "move": "deploy",
    "destroy": "deploy",
    "tune": "deploy",
    "invoke": "deploy",
    "rollback": "rollback",
    "status": "read",
    "history": "read",
    "watch": "read",
    "metrics": "read",
    "logs": "read",
    "cost": "read",
}

Subject = str
# What is looked for beside Python, which everything needs. No role: everything.
TOOLS: Mapping[str | None, frozenset[Subject]] = {
    None: frozenset({"git", "rust", "linking", "deny", "terraform", "local"}),
    "deploy": frozenset({"git", "rust", "linking", "deny", "terraform", "local"}),
    "plan": frozenset({"git", "rust", "linking", "deny", "terraform", "local"}),
    "build": frozenset({"git", "rust", "linking", "deny"}),
    "rollback": frozenset(),
    "read": frozenset(),
}
