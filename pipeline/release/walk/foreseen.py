"""What a deploy would refuse or pass over, seen beforehand: for `plan`. Reads AWS, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pipeline.aws.functions import AliasState, NotFoundError
from pipeline.errors import AwsError, CrabwalkError
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS
from pipeline.release.walk.act import Engine
from pipeline.release.walk.candidate import absent_alarm, alarms_of, check_hooks, check_split
from pipeline.release.walk.freeze import is_frozen, told

if TYPE_CHECKING:
    from pipeline.manifest.models import Service


def warnings(engine: Engine, service: Service, function: str, record: ServiceRecord) -> tuple[str, ...]:
    """A sentence for each thing that keeps the service's next release from being walked, as AWS stands now.

    What this run's Terraform is about to change is not seen. What cannot be read is said, not raised.
    """
    looks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _alarms(engine, service),
        lambda: _hooks(service),
        lambda: _alias(engine, service, function, record),
    )
    return tuple(sentence for look in looks for sentence in _said(look))


def _said(look: Callable[[], Iterator[str]]) -> Iterator[str]:
    try:
        yield from look()
    except NotFoundError:  # before its first release there is no function
        return
    except AwsError as error:
        yield f"not looked at: {error.what}"
    except CrabwalkError as error:
        yield error.sentence


def _alarms(engine: Engine, service: Service) -> Iterator[str]:
    names = alarms_of(service)
    states = engine.alarms.states(names) if names else {}
    rings = [name for name, state in states.items() if state == "ALARM"]
    if rings:
        yield f"rings already, so it would not be counted: {', '.join(rings)}"
    absent = absent_alarm(service, states)
    if absent is not None:
        raise absent


def _hooks(service: Service) -> Iterator[str]:
    check_hooks(service)
    yield from ()


def _alias(engine: Engine, service: Service, function: str, record: ServiceRecord) -> Iterator[str]:
    alias: AliasState = engine.functions.alias(function, ALIAS)
    env = engine.env.name
    if record.frozen is not None or is_frozen(alias):
        why = told(record.frozen) if record.frozen is not None else "frozen: a person rolled it back"
        yield f"{why}; `crabwalk resume {service.name} --env {env}` lets it be deployed again"
    if alias.weights and record.under_way is None:
        ends = f"`crabwalk rollback {service.name} --env {env}` ends it"
        yield f"its alias is split although no release is under way; {ends}"
    check_split(engine, service, function, alias)
