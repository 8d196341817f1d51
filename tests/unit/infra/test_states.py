"""States as documents: a service's part moved, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import TerraformError
from pipeline.infra.states import State, moved, read, same, without


def resource(module: str, identity: str = "x", **more: Any) -> dict[str, Any]:
    instance = {"attributes": {"id": identity}, "dependencies": ["module.a.aws_iam_role.this"], **more}
    return {"module": module, "mode": "managed", "type": "aws_x", "name": "this", "instances": [instance]}


def state(stack: str, *modules: str, **outputs: Any) -> State:
    document = {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 7,
        "lineage": "one",
        "outputs": {name: {"value": value} for name, value in outputs.items()},
        "resources": [resource(module) for module in modules],
    }
    found = read(stack, json.dumps(document).encode())
    assert found is not None
    return found


WEB = ("module.a", "module.a_sqs-jobs.module.queue[0]", "module.ab", 'module.b_http["x"]')


def test_what_stands_before_the_first_underscore_is_the_service() -> None:
    web = state("web", *WEB)
    assert [one["module"] for one in web.of("a")] == list(WEB[:2])
    assert web.calls() == {"a", "a_sqs-jobs", "ab", "b_http"}


def test_addresses_are_those_of_a_plan() -> None:
    document = dict(state("web", *WEB[:2]).document)
    first = resource("module.a", index_key=0) | {"type": "aws_y"}
    more = [first, resource("module.a", index_key='x"y') | {"name": "that"}]
    data = resource("module.d") | {"mode": "data"}
    root = {key: value for key, value in resource("").items() if key != "module"}
    found = State("web", {**document, "resources": [*document["resources"], *more, data, root]}).addresses()
    assert found == {
        "module.a.aws_x.this",
        "module.a_sqs-jobs.module.queue[0].aws_x.this",
        "module.a.aws_y.this[0]",
        'module.a.aws_x.that["x\\"y"]',
        "aws_x.this",
    }


def test_a_service_is_moved_as_it_stands_with_its_output() -> None:
    web, other = state("web", *WEB, a={"id": 1}, b={}), state("other", "module.c", c={})
    left, come = moved(web, other, "other", "a")
    assert (left.stack, left.serial, come.stack, come.serial) == ("web", 8, "other", 8)
    assert (left.of("a"), come.of("a")) == ((), web.of("a"))
    assert come.of("a")[0]["instances"][0]["dependencies"], "the order to destroy in"
    assert (set(left.document["outputs"]), set(come.document["outputs"])) == ({"b"}, {"a", "c"})
    assert come.document["lineage"] == "one"
    assert web.serial == 7, "what was read is not changed"


def test_a_stack_that_has_no_state_gets_one_of_its_own() -> None:
    left, come = moved(state("web", "module.a"), None, "alone", "a")
    assert left.empty
    assert (come.stack, come.serial, come.document["terraform_version"]) == ("alone", 1, "1.11.4")
    assert come.document["lineage"] != "one"
    again = read("alone", come.body)
    assert again == come


def test_what_an_earlier_move_brought_stays_as_it_is() -> None:
    web = state("web", *WEB)
    target = moved(web, None, "alone", "a")[1]
    left, come = moved(web, target, "alone", "a")
    assert come is target
    assert left.of("a") == ()
    assert same(web, target, "a")
    assert not same(web, without(target, "a"), "a")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"version": 5, "serial": 1, "lineage": "", "resources": []}'])
def test_what_is_not_understood_is_not_touched(body: bytes) -> None:
    with pytest.raises(TerraformError, match="the state of stack `web` cannot be read") as caught:
        read("web", body)
    assert caught.value.hint == "nothing was changed"


def test_no_state_is_none() -> None:
    assert read("web", None) is None
