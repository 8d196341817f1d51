from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Problem
from pipeline.manifest.document import compose
from pipeline.manifest.references import Reference, ReferenceFault, order, references, resolve, split
from pipeline.manifest.referring import Variant, check

TABLE = Reference("todos", "table", "name")


def service(name: str, text: str = "", **fields: object) -> SimpleNamespace:
    problems: list[Problem] = []
    node = compose(f"name: {name}\n{text}", f"{name}.yaml", problems)
    assert node is not None
    assert not problems
    plain = {"stack": name, "kind": "function", "architecture": "arm64", "resources": {}, "triggers": ()}
    return SimpleNamespace(**{**plain, **node.plain(), **fields}, node=node)


def faults(*services: SimpleNamespace, overlays: tuple[tuple[str, SimpleNamespace], ...] = (), known: str = "") -> list:
    variants = [Variant(it, it.node) for it in services] + [Variant(it, it.node, env) for env, it in overlays]
    problems: list[Problem] = []
    check(variants, {*(it.name for it in services), *known.split()}, problems)
    return list(dict.fromkeys(str(problem) for problem in sorted(problems)))


def resource(kind: str, **fields: object) -> SimpleNamespace:
    return SimpleNamespace(kind=kind, **fields)


def todos(text: str = "", **fields: object) -> SimpleNamespace:
    own = {"table": resource("dynamodb", stream=None), "jobs": resource("sqs"), "images": resource("s3")}
    return service("todos", text, **{"resources": own, "triggers": (resource("http"),), **fields})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain $ { } %{x}", ("plain $ { } %{x}",)),
        ("${services.todos.table.name}", (TABLE,)),
        ("${services.todos.jobs}", (Reference("todos", "jobs", "arn"),)),
        ("a ${services.todos.table.name}/b", ("a ", TABLE, "/b")),
        ("${services.todos.table.name}${services.todos.table.name}", (TABLE, TABLE)),
        ("$${services.todos.table.name}", ("${services.todos.table.name}",)),
        ("$$${x}", ("$${x}",)),
        ("a$${b}${services.todos.table.name}", ("a${b}", TABLE)),
        ("${services.a-1.log-group.name}", (Reference("a-1", "log-group", "name"),)),
    ],
)
def test_a_text_is_literals_and_references(text: str, parts: tuple[object, ...]) -> None:
    assert split(text) == parts


@pytest.mark.parametrize(
    ("text", "what", "instead"),
    [
        ("${services.todos.table", "`${services.todos.table` is never closed", "add a `}`, or"),
        ("${HOME}", "`${HOME}` is no reference", "write `${services.NAME.RESOURCE.ATTRIBUTE}`, or write `$${`"),
        ("${}", "`${}` is no reference", "write `${services.NAME"),
        ("${ services.a.b.name }", "`${ services.a.b.name }` is no reference", "write `${services.a.b.name}`"),
        ("${services.todos}", "`${services.todos}` names no resource", "write `${services.NAME"),
        ("${services.a.b.c.d}", "`${services.a.b.c.d}` is no reference", "write `${services.NAME"),
        ("${services.A.b.name}", "`${services.A.b.name}` is no reference", "write `${services.NAME"),
        ("${services.a.${services.b.c.d}}", "`${services.a.${services.b.c.d}` is no reference", "write `"),
        ("${" + "x" * 99 + "}", "`${" + "x" * 57 + "...}` is no reference", "write `"),
    ],
)
def test_any_other_marker_is_a_fault(text: str, what: str, instead: str) -> None:
    with pytest.raises(ReferenceFault) as caught:
        split(text)
    assert caught.value.what == what
    assert caught.value.instead.startswith(instead)


def test_inside_a_text_the_attribute_must_be_written() -> None:
    with pytest.raises(ReferenceFault) as caught:
        split("${services.todos.table}", implied=False)
    assert caught.value.what == "`${services.todos.table}` names no attribute"
    assert caught.value.instead == "write for example `${services.todos.table.name}`"


def test_values_replace_references_and_nothing_else() -> None:
    assert resolve("a${services.todos.table.name}$${b}", {TABLE: "${x}"}) == "a${x}${b}"


@given(st.text(alphabet="$${}{services.todos.table.name", max_size=40))
def test_every_text_is_parts_or_a_fault(text: str) -> None:
    try:
        parts = split(text)
    except ReferenceFault as fault:
        said = (fault.what, fault.instead)
    else:
        written = "".join(str(part) if isinstance(part, Reference) else part.replace("${", "$${") for part in parts)
        assert split(written) == parts
        return
    assert all(said)


def test_finds_everything_a_service_refers_to() -> None:
    it = service(
        "web",
        environment={"A": "${services.todos.table.name}", "B": "plain"},
        dead_letter="${services.todos.jobs}",
        triggers=(resource("sqs", queue="${services.todos.jobs.arn}"),),
        access=(SimpleNamespace(to="${services.web.own}"),),
        description="${not looked at",
    )
    assert references(it) == (Reference("todos", "jobs", "arn"), TABLE, Reference("web", "own", "arn"))


def test_waves_follow_references_and_extensions() -> None:
    services = [
        service("a", environment={"X": "${services.b.function.arn}", "SELF": "${services.a.function.name}"}),
        service("b", environment={"X": "${services.c.function.arn}"}),
        service("c", extensions=("x",)),
        service("d", environment={"X": "${services.elsewhere.table.name}"}),
        service("x", kind="extension"),
    ]
    assert [[it.name for it in wave] for wave in order(services)] == [["d", "x"], ["c"], ["b"], ["a"]]
    assert order([]) == ()


def test_a_stack_does_not_change_the_order() -> None:
    services = [
        service("a", stack="web"),
        service("b", environment={"X": "${services.a.function.arn}"}),
        service("c", stack="web", environment={"X": "${services.a.function.arn}"}),
    ]
    assert [[it.name for it in wave] for wave in order(services)] == [["a"], ["b", "c"]]


def test_those_released_together_come_in_one_wave_after_everything_they_refer_to() -> None:
    shop = SimpleNamespace(together="shop")
    services = [
        service("a"),
        service("b", environment={"X": "${services.a.function.arn}"}, release=shop),
        service("c", environment={"X": "${services.b.function.arn}"}, release=shop),
        service("d", release=shop),
        service("e", environment={"X": "${services.d.function.arn}"}, release=SimpleNamespace(together=None)),
        service("together"),
    ]
    assert [[it.name for it in wave] for wave in order(services)] == [["a", "together"], ["b", "c", "d"], ["e"]]
    needs = {"p": "q", "q": "r", "r": ""}  # `q` stands between two of a group
    between = [
        service(name, environment={"X": f"${{services.{other}.function.arn}}"} if other else {}, release=group)
        for (name, other), group in zip(needs.items(), (shop, None, shop), strict=True)
    ]
    assert [[it.name for it in wave] for wave in order(between)] == [["p", "q", "r"]]


def test_a_long_chain_and_a_circle_have_an_order_too() -> None:
    chain = [service(f"s{n}", environment={"X": f"${{services.s{n + 1}.function.arn}}"}) for n in range(1500)]
    assert [wave[0].name for wave in order(chain)][:2] == ["s1499", "s1498"]
    circle = [
        service("a", environment={"X": "${services.b.function.arn}"}),
        service("b", environment={"X": "${services.a.function.arn}"}),
    ]
    assert [len(wave) for wave in order(circle)] == [2]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("environment: {T: '${services.todos.table.name}'}", ""),
        ("environment: {T: '${services.todos.api.endpoint}/x'}", ""),
        ("environment: {T: '${services.web.function.arn}'}", ""),
        ("environment: {T: '$${anything}'}", ""),
        ("dead_letter: '${services.todos.jobs}'", ""),
        ("access: [{to: '${services.todos.images}', allow: [read]}]", ""),
        (
            "access: [{actions: ['s3:*'], resources: ['${services.todos.images}', '${services.todos.images.arn}/*']}]",
            "",
        ),
        ("triggers: [{schedule: {payload: {to: '${services.todos.jobs.url}'}}}]", ""),
        ("description: costs ${5}", ""),
        ("description: $${services.a.b.c}", ""),
        ("triggers: [{schedule: {payload: {'${services.todos.jobs.url}': 1}}}]", ""),
        ("triggers: [{schedule: {payload: {'${x': 1}}}]", "2:34: triggers[0].schedule.payload: `${x` is never closed"),
        ("environment: {T: '${x}'}", "2:18: environment.T: `${x}` is no reference, write `${services."),
        (
            "environment: {T: '${services.todo.table.name}'}",
            "2:18: environment.T: the project has no service `todo`, did you mean `todos`?",
        ),
        (
            "environment: {T: '${services.todos.tabel.name}'}",
            "2:18: environment.T: `todos` has no resource `tabel`, did you mean `table`?",
        ),
        (
            "environment: {T: '${services.todos.table.url}'}",
            "2:18: environment.T: `table` of `todos` has no `url`, known: arn, name, stream_arn",
        ),
        (
            "environment: {T: '${services.todos.table}'}",
            "2:18: environment.T: `${services.todos.table}` names no attribute",
        ),
        (
            "environment: {T: '${services.todos.url.endpoint}'}",
            "2:18: environment.T: `todos` has no `url`, because it has no function-url trigger, add `function-url:` to",
        ),
        (
            "environment: {T: '${services.web.api.endpoint}'}",
            "2:18: environment.T: `web` has no `api`, because it has no http trigger, add `http:` to its triggers",
        ),
        (
            "environment: {T: '${services.todos.user-pool.id}'}",
            "2:18: environment.T: `todos` has no `user-pool`, because it has no cognito trigger without `user_pool`",
        ),
        (
            "environment: {T: '${services.todos.table.stream_arn}'}",
            "2:18: environment.T: the table `table` of `todos` has no stream, add `stream: new-and-old-images` to it",
        ),
        (
            "environment: {T: '${services.side.function.arn}'}",
            "2:18: environment.T: `side` is an extension and has nothing to refer to, list it in `extensions`",
        ),
        (
            "triggers: [{sqs: {queue: '${services.todos.table}'}}]",
            "2:26: triggers[0].sqs.queue: `table` of `todos` is of kind dynamodb, possible here: sqs",
        ),
        (
            "triggers: [{stream: {source: '${services.todos.table}'}}]",
            "2:30: triggers[0].stream.source: the table `table` of `todos` has no stream",
        ),
        (
            "triggers: [{sqs: {queue: '${services.todos.jobs.url}'}}]",
            "2:26: triggers[0].sqs.queue: must name the resource, not its url, write `${services.todos.jobs}`",
        ),
        (
            "dead_letter: x-${services.todos.jobs}",
            "2:14: dead_letter: a reference to a resource must stand alone, write `${services.todos.jobs}`",
        ),
        (
            "access: [{to: '${services.todos.api}', allow: [read]}]",
            "2:15: access[0].to: `api` of `todos` is of kind api, possible here: dynamodb, sqs, s3, event-bus, secret",
        ),
        (
            "tags: {team: '${services.todos.table.name}'}",
            "2:14: tags.team: no references here, only in environment, secrets, dead_letter, triggers, access",
        ),
        ("extensions: [sied]", "2:14: extensions: the project has no extension `sied`, did you mean `side`?"),
        ("extensions: [todos]", "2:14: extensions: `todos` is a function, `kind: extension` makes a service one"),
        ("extensions: [side]", ""),
        (
            "extensions: [side]\narchitecture: x86_64",
            "2:14: extensions: `side` is built for arm64, `web` for x86_64, give both the same architecture",
        ),
        ("environment: {T: '${services.broken.any.thing}'}", ""),
        ("extensions: [broken]", ""),
    ],
)
def test_names_what_does_not_hold(text: str, fault: str) -> None:
    web = service("web", text)
    web.triggers = ()
    found = faults(web, todos(), service("side", kind="extension"), known="broken")
    assert len(found) == bool(fault)
    assert not fault or found[0].startswith(f"web.yaml:{fault}")


def refers(name: str, *others: str, **fields: object) -> SimpleNamespace:
    lines = "".join(f"  V{n}: ${{services.{other}.function.arn}}\n" for n, other in enumerate(others))
    return service(name, f"environment:\n{lines}" if lines else "", **fields)


def test_a_circle_is_a_path_at_the_line_that_closes_it() -> None:
    assert faults(refers("a", "a", "b"), refers("b", "c"), refers("c", "d", "a"), refers("d")) == [
        (
            "c.yaml:4:7: `a → b → c → a` refer to each other in a circle, so none of them can be deployed first"
            ", remove this reference, or another one: a refers to b at a.yaml:4:7, b refers to c at b.yaml:3:7"
        )
    ]


def test_every_circle_is_told_and_what_lies_between_is_not() -> None:
    found = faults(refers("a", "b"), refers("b", "a", "m"), refers("m", "y"), refers("y", "z"), refers("z", "y"))
    assert [line.split("`")[1] for line in found] == ["a → b → a", "y → z → y"]


def test_a_long_circle_is_shown_in_short() -> None:
    (found,) = faults(*(refers(f"s{n:03}", f"s{(n + 1) % 300:03}") for n in range(300)))
    assert found.split("`")[1].startswith("s000 → s001 → s002 → s003 → s004 → s005 → … → s295")
    assert found.split("`")[1].endswith("s299 → s000")


def test_stacks_may_refer_to_each_other() -> None:
    assert faults(refers("a", "b", stack="web"), refers("b", "c"), refers("c", stack="web")) == []


def test_an_overlay_is_judged_as_its_environment_sees_it() -> None:
    a, b = refers("a", "b"), refers("b")
    closing = refers("b", "a")
    closing.node = compose("name: b\nenvironment:\n\n\n  X: ${services.a.function.arn}\n", "b.yaml", [])
    found = faults(a, b, overlays=(("staging", closing),))
    assert [line.split("`")[:2] for line in found] == [["b.yaml:5:6: ", "a → b → a"]]
