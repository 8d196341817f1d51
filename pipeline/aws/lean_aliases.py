"""GetAlias and UpdateAlias over one connection, as `lean` makes calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from pipeline.aws.aliases import AliasState, alias_state, found, moving, update_of
from pipeline.aws.lean import Signed, dialled


def aliases(region: str, endpoint: str | None, credentials: tuple[str, str] | None) -> LeanAliases | None:
    """The quick client where everything it would have to know is plain, else None: botocore's client is to be taken."""
    opened = dialled("lambda", region, endpoint, credentials)
    return None if opened is None else LeanAliases(*opened)


class LeanAliases(Signed):
    """Aliases over one connection; each call is one attempt."""

    service = "lambda"

    def alias(self, function: str, name: str) -> AliasState:
        """As `Functions.alias`."""
        with found(f"read alias `{name}` of function `{function}`"):
            return alias_state(function, self.call("GetAlias", "GET", _path(function, name)))

    def write_alias(self, seen: AliasState, version: str, weights: Mapping[str, float], description: str) -> AliasState:
        """As `Functions.write_alias`."""
        body = json.dumps(update_of(seen, version, weights, description)).encode()
        with moving(seen):
            answer = self.call("UpdateAlias", "PUT", _path(seen.function, seen.name), body)
        return alias_state(seen.function, answer)


def _path(function: str, name: str) -> str:
    """The path of both calls; a function may be named by its ARN."""
    return f"/2015-03-31/functions/{quote(function, safe='-._~')}/aliases/{quote(name, safe='-._~')}"
