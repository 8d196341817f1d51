"""A group ends as one wherever its controller dies: also between one promotion and the other's way back."""

from __future__ import annotations

import pytest
from boundary_kit import DEATHS, WRITES, Process
from pair_kit import NAMES, TTL_S, Follow, Pair, deploy, patrol

from pipeline.release.ledger.lease import GRACE_S

LIMIT = 6  # processes, before it is said that a group does not end
ALL_WELL, WORSE = "all is well", "the second one is refused its promotion, and gets worse"
HOW = {ALL_WELL: 0, WORSE: 2}  # how often it is refused
ENDS = {ALL_WELL: "promoted", WORSE: "rolled-back"}


def play(process: Process, follow: Follow, refuses: int) -> Pair:
    """One run: the deploy with its death, then what goes on."""
    with Pair(refuses).standing() as pair:
        with process.running():
            deploy(pair)
        again = 0
        while not set(pair.phases()) <= {"promoted", "rolled-back"}:
            assert again < LIMIT, f"it does not end: {pair.phases()}"
            again += 1
            pair.wait(TTL_S + GRACE_S + 1)
            with Process(f"again {again}").running():
                (deploy if "" in pair.phases() else follow)(pair)
        return pair


def ended(pair: Pair, process: Process) -> str:
    """How the group ended, after what must be so of it."""
    with pair.standing():
        engine = pair.engine()
        phases, where = pair.phases(), f"{process.fault} at {process.place}"
        assert len(set(phases)) == 1, f"{where}: {phases}"
        wanted = "2" if phases[0] == "promoted" else "1"
        for name in NAMES:
            alias, record = pair.clouds[name].alias, engine.ledger.service(name)
            assert (alias["FunctionVersion"], alias["RoutingConfig"]["AdditionalVersionWeights"]) == (wanted, {}), where
            entries = [(one.kind, one.outcome) for one in engine.ledger.history(name, 9)]
            assert entries == [("release", phases[0])], f"{where}: {name} has {entries}"
            assert (record.promoted is not None) == (wanted == "2"), where
    return phases[0]


@pytest.mark.parametrize(("how", "follow"), [(ALL_WELL, deploy), (WORSE, deploy), (WORSE, patrol)])
def test_a_group_ends_as_one_wherever_its_controller_dies(how: str, follow: Follow) -> None:
    counting, between = Process("first"), 0
    assert ended(play(counting, follow, HOW[how]), counting) == ENDS[how]
    for place, call in enumerate(counting.places):
        for fault in DEATHS if call.operation in WRITES else DEATHS[:1]:
            process = Process("first", place, fault)
            pair = play(process, follow, HOW[how])
            assert process.met
            assert ended(pair, process) == ENDS[how]
            died = [function for by, function, version in pair.moves if (by, version) == ("first", "2")]
            between += len(set(died)) == 1
    assert between >= 4, "none died between one promotion and what became of the other"
