"""What all parts of a manifest's model are made of: the frozen base, frozen mappings, and one-key choices by kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from pipeline.manifest import forms, rules
from pipeline.manifest.node import nearest
from pipeline.manifest.rules import fault

V = TypeVar("V")


class Frozen(Mapping[str, V], Generic[V]):
    """A frozen, hashable mapping."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, V]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> V:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values!r})"


class Model(BaseModel):
    """Frozen, strict, and built by YAML's keys or by the fields' names."""

    also: ClassVar[rules.Schema] = {}  # what its JSON Schema says about several keys

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_by_alias=True,
        validate_by_name=True,
        hide_input_in_errors=True,
        defer_build=True,  # one validator is built, the whole manifest's: importing takes a third of the time
    )


class Kinded(Model):
    """One of several kinds; YAML writes the kind as the only key: `sqs: {queue: jobs}`."""

    kind: ClassVar[str]
    example: ClassVar[str] = ""  # the keys it must have


class OneKey:
    """A union of `Kinded` models, of which YAML names one by its key."""

    def __init__(self, what: str, example: str) -> None:
        self.what = what
        self.example = example
        self.kinds: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        models: dict[str, type[Kinded]] = {model.kind: model for model in get_args(source)}
        self.kinds = tuple(models)
        choices: dict[Any, CoreSchema] = {
            kind: core_schema.no_info_before_validator_function(_body_of(model), handler(model))
            for kind, model in models.items()
        }
        union = core_schema.tagged_union_schema(choices, _kind)
        return core_schema.no_info_before_validator_function(self._one, union)

    def _one(self, value: Any) -> Any:
        if isinstance(value, Kinded):
            return value
        usual = f"write for example `{self.example}`"
        if not isinstance(value, dict) or not value:
            raise fault(f"must be one {self.what}", usual)
        for kind in value:
            if kind not in self.kinds:
                raise fault(f"unknown {self.what} `{kind}`", nearest(kind, self.kinds), at=(kind,), key=True)
        if len(value) > 1:
            second = list(value)[1]
            raise fault(f"a second {self.what} in one", "give each its own", at=(second,), key=True)
        return value


def _kind(value: Any) -> str:
    return value.kind if isinstance(value, Kinded) else str(next(iter(value)))


def _body_of(model: type[Kinded]) -> Callable[[Any], Any]:
    def body_of(value: Any) -> Any:
        if isinstance(value, Kinded):
            return value
        ((kind, body),) = value.items()
        if not isinstance(body, dict):
            raise fault("must be a mapping", f"write for example `{kind}: {{{model.example}}}`")
        return body

    return body_of


FROZEN = AfterValidator(Frozen)
LISTED = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
GIVEN = rules.Given()
Name = Annotated[str, rules.matches(forms.NAME, "a name", "up to 40 of a-z, 0-9 and -, a letter first")]
Texts = Annotated[tuple[str, ...], LISTED]
