"""What the state machine of modules/rollback-net decides, by its own expression, against the head the engine writes."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonata
import pytest

from pipeline.release.ledger.head import _FORM, Head, parse

MACHINE = Path(__file__).parents[3] / "modules" / "rollback-net" / "machine.tf"
NOW = int(time.time())
LIVE = Head("live", "20261121T200000-abc123", "8", None, 0.0, "7", "0123456789ab", "a" * 16, until=NOW + 86_400)
WALK = Head("walk", "20261121T200000-abc123", "7", "8", 0.1, "6", None, "b" * 16)


def decided(head: Head | str, *, version: str = "", weights: dict[str, float] | None = None, nonces: str = "") -> Any:
    """The decision on an alias with this description, and the traffic it describes unless another is given."""
    routing = dict(head.weights) if weights is None and isinstance(head, Head) else weights
    alias = {
        "FunctionVersion": version or (head.primary if isinstance(head, Head) else "7"),
        "Description": str(head),
        "RevisionId": "r",
        **({"RoutingConfig": {"AdditionalVersionWeights": routing}} if routing else {}),
    }
    text = MACHINE.read_text().split("<<-JSONATA\n")[1].split("  JSONATA")[0]
    expression = jsonata.Jsonata.jsonata(text)
    expression.register_lambda("uuid", lambda: str(uuid.uuid4()))
    for name, value in {"alias": alias, "nonces": nonces, "why": "as said before"}.items():
        expression.assign(name, value)
    return expression.evaluate(None)


def written(found: Any) -> Head:
    head = parse(found["description"])
    assert head is not None, found
    assert head.nonce == found["nonce"]
    assert head.primary == found["target"]
    return head


def test_it_reads_what_the_engine_reads() -> None:
    (pattern,) = re.findall(r"\$match\(\$alias\.Description, /\^(.*)\$/\);", MACHINE.read_text())
    assert pattern.replace(r"\/", "/") == re.sub(r"\?P<\w+>", "", _FORM.pattern)


def test_a_walk_loses_its_share() -> None:
    found = decided(WALK)
    assert found["why"] == "version 8 loses its share, version 7 has all traffic"
    expected = replace(WALK, state="back", extra=None, weight=0.0, origin="8")
    assert replace(written(found), nonce=WALK.nonce) == expected
    assert written(found).nonce != written(decided(WALK)).nonce


@pytest.mark.parametrize("weight", [0.5, 0.000001, 0.333333, 1.0])
def test_shares_agree_as_they_are_written(weight: float) -> None:
    assert decided(replace(WALK, weight=weight))["action"] == "write"


def test_what_was_promoted_goes_back_within_its_time() -> None:
    found = decided(LIVE)
    assert found["why"] == "version 7 has all traffic, version 8 has none"
    expected = replace(LIVE, state="back", primary="7", previous=None, origin="8", until=None)
    assert replace(written(found), nonce=LIVE.nonce) == expected


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("", "the alias's description is not crabwalk's"),
        ("somebody's own words", "the alias's description is not crabwalk's"),
        (str(LIVE) + " ", "the alias's description is not crabwalk's"),
        (replace(LIVE, until=NOW - 5), "the time in which version 8 may be undone ended at 2"),
        (replace(LIVE, until=None), "version 8 was promoted without a time in which it may be undone"),
        (replace(LIVE, previous=None), "version 8 is the first release, there is nothing to go back to"),
        (replace(WALK, extra=None, weight=0.0), "the new version has no traffic yet"),
        (replace(LIVE, state="back", origin="9"), "version 8 has all traffic already: the release was rolled back"),
        (replace(LIVE, state="frozen", origin="9"), "version 8 has all traffic already: the release was rolled back"),
    ],
)
def test_there_is_nothing_to_do(head: Head | str, why: str) -> None:
    found = decided(head)
    assert (found["action"], found["why"][: len(why)]) == ("nothing", why)


@pytest.mark.parametrize(
    ("head", "version", "weights"),
    [
        (WALK, "7", {}),
        (WALK, "7", {"8": 0.2}),
        (WALK, "7", {"9": 0.1}),
        (WALK, "7", {"8": 0.1, "9": 0.1}),
        (WALK, "6", {"8": 0.1}),
        (LIVE, "8", {"9": 0.1}),
        (LIVE, "7", {}),
    ],
)
def test_an_alias_that_somebody_else_moved_is_left_alone(head: Head, version: str, weights: dict[str, float]) -> None:
    found = decided(head, version=version, weights=weights)
    assert (found["action"], found["why"]) == (
        "nothing",
        "the alias's description does not agree with its traffic: somebody else moved it",
    )


def test_a_zero_weight_is_no_entry() -> None:
    assert decided(LIVE, weights={"9": 0.0})["action"] == "write"


def test_our_own_write_is_known_by_its_nonce_when_its_answer_was_lost() -> None:
    back = replace(WALK, state="back", extra=None, weight=0.0, origin="8")
    found = decided(back, nonces=f" {'c' * 16} {back.nonce}")
    assert (found["action"], found["why"]) == ("done", "as said before")
