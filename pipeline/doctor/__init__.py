"""Doctor: what a verb will need, looked for before it is needed: tools, project, environment, permissions.

In: a project (or none), an environment (or none), and the role a verb takes. Out: `Finding`s, each with what was found,
what is needed and the fix. Looks only: nothing is installed, written or started but programs asked for their version.
Whatever goes wrong while it looks is itself a finding.
"""

from __future__ import annotations

from pipeline.doctor.finding import Finding, Status
from pipeline.doctor.look import look
from pipeline.doctor.needs import ROLES, VERBS

__all__ = ["ROLES", "VERBS", "Finding", "Status", "look"]
