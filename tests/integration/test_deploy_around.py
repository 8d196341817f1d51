"""One release of a quiet service with everything a team adds of its own, by the verbs as a person types them."""

from __future__ import annotations

from listener_kit import listening
from shop_kit import Shop

MANIFEST = "services/hello/service.yaml"
AROUND = """    release:
      steps: [{traffic: 50 %, bake: 4 s}]
      min_requests: 20
      deadline: 1 min
      smoke: [{event: events/hello.json, status: 200, expect: ["ends_with(body, 'Ada!')"]}]
      hooks:
        before:
          - {command: [sh, -c, "echo looking at $CRABWALK_SERVICE $CRABWALK_VERSION"], timeout: 20 s}
          - {webhook: env:GATE}
        after: [{webhook: env:DONE}]
      probe: {events: [events/world.json], per_minute: 3000}
      notify: [{webhook: env:TOLD}, {slack: env:MISSING}]
"""


def around(shop: Shop, text: str = AROUND) -> None:
    kept = shop.read(MANIFEST).partition("    release:")
    assert kept[1]
    shop.write(MANIFEST, kept[0] + text)


def test_a_quiet_service_is_walked_on_its_probes_and_everybody_is_told(shop: Shop) -> None:
    before = shop.alias()["FunctionVersion"]
    shop.change()
    around(shop)
    shop.commit("hello: with hooks, probes and notifications")
    with listening() as gate, listening() as done, listening() as told:
        addresses = {"GATE": gate.url, "DONE": done.url, "TOLD": told.url}
        plan = shop.crabwalk("plan", "--env", "local", "--retry", **addresses)
        assert "  probes: 3,000 a minute of events/world.json while it walks; each must change nothing" in plan.lines
        ended = shop.crabwalk("deploy", "--env", "local", "--retry", **addresses)
        assert ended.code == 0, ended.said
        version = shop.alias()["FunctionVersion"]
        assert version != before
        assert f"hello: sh: looking at hello {version}" in ended.said
        assert "hello: webhook of GATE passed" in ended.said
        assert [one["event"] for one in told.came] == ["start", "step", "promote"]
        assert [(one["event"], one["outcome"]) for one in (*gate.came, *done.came)] == [
            ("before", None),
            ("after", "promoted"),
        ]
        assert ended.said.count("the variable MISSING is to hold a webhook's address and is not set") == 1
        for secret in ("T0K3N", "s3cret", "hidden"):
            assert secret not in ended.said
        told.came.clear()
        back = shop.crabwalk("rollback", "hello", "--env", "local", "--reason", "too cheerful", **addresses)
        assert back.code == 0, back.said
        (one,) = told.came
        assert (one["event"], "too cheerful" in one["sentence"]) == ("rollback", True)
        assert shop.crabwalk("resume", "hello", "--env", "local").code == 0
    entry = next(one for one in shop.history() if one["kind"] == "release")
    assert (entry["outcome"], entry["candidate"]) == ("promoted", version)


def test_a_gate_that_says_no_ends_the_release_and_its_end_is_told(shop: Shop) -> None:
    before = shop.alias()
    shop.change()
    around(shop)
    shop.commit("hello: again")
    freeze = (403, "change freeze")
    with listening(freeze, freeze) as gate, listening() as done, listening() as told:
        addresses = {"GATE": gate.url, "DONE": done.url, "TOLD": told.url}
        ended = shop.crabwalk("deploy", "--env", "local", "--retry", **addresses)
        assert ended.code == 3, ended.said
        assert "  check   hook" in ended.lines
        assert "  why     webhook of GATE answered 403: change freeze; no traffic was moved" in ended.lines
        assert [one["event"] for one in told.came] == ["rejected"]
        assert [one["outcome"] for one in done.came] == ["rejected"]
        again = shop.crabwalk("deploy", "--env", "local", **addresses)
        assert (again.code, len(gate.came)) == (3, 2), again.said
        assert "  next    the hook is asked again by the next deploy: crabwalk deploy hello --env local" in again.lines
    assert shop.alias() == before
