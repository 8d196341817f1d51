"""The JSON Schema of a pydantic model as YAML writes it, made from its fields, rules and the texts under them.

Not pydantic's own: that one describes what the model holds (a number), not what a manifest says (`128 MB`), and changes
with pydantic's versions, while what is written here is committed.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pipeline.manifest.models_base import Kinded, Model, OneKey
from pipeline.manifest.rules import Read, Rule, Shorthand

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_OVERLAY = "Overlay"

Schema = dict[str, Any]


class Definitions:
    """Collects a schema for every model that is reached; `partial` ones are what an overlay may say of them."""

    def __init__(self) -> None:
        self.found: dict[str, Schema] = {}

    def model(self, model: type[Model], *, partial: bool = False) -> Schema:
        """A reference to the model's schema."""
        name = model.__name__ + _OVERLAY * partial
        if name not in self.found:
            schema = self.fields(model, partial=partial)
            if partial:
                whole = self.model(model)["$ref"].rpartition("/")[2]
                if schema == self.found[whole]:
                    return {"$ref": f"#/$defs/{whole}"}
            self.found[name] = schema
        return {"$ref": f"#/$defs/{name}"}

    def fields(self, model: type[Model], *, partial: bool = False) -> Schema:
        """The model's own schema."""
        texts = field_texts(model)
        properties = {}
        for name, field in model.model_fields.items():
            kind = self._annotated(field.annotation, field.metadata, partial=partial)
            default = _default(field)
            properties[yaml_key(model, name)] = {
                **kind,
                "description": texts[name],
                **({} if default is None else {"default": default}),
            }
        required = [yaml_key(model, name) for name, field in model.model_fields.items() if field.is_required()]
        return {
            "type": "object",
            "description": _first_paragraph(model),
            "properties": properties,
            **({"required": required} if required and not partial else {}),
            "additionalProperties": False,
            **model.also,
        }

    def _annotated(self, annotation: Any, metadata: Any, *, partial: bool) -> Schema:
        for rule in metadata:
            if isinstance(rule, OneKey):
                return self._one_key(annotation, partial=partial)
        schema = self._type(annotation, partial=partial)
        for rule in metadata:
            if isinstance(rule, Rule):
                schema = {**schema, **rule.schema}
            elif isinstance(rule, Read):
                schema = dict(rule.schema)
            elif isinstance(rule, Shorthand):
                schema = {"oneOf": [dict(rule.schema), schema]}
        return schema

    def _type(self, annotation: Any, *, partial: bool) -> Schema:
        arguments = get_args(annotation)
        if get_origin(annotation) is Annotated:
            return self._annotated(arguments[0], annotation.__metadata__, partial=partial)
        if get_origin(annotation) is Literal:
            return {"enum": list(arguments)}
        if arguments:
            return self._container(get_origin(annotation), arguments, partial=partial)
        if isinstance(annotation, type) and issubclass(annotation, Model):
            return self.model(annotation, partial=partial)
        return {"type": _PLAIN[annotation]} if annotation in _PLAIN else {}

    def _container(self, origin: Any, arguments: tuple[Any, ...], *, partial: bool) -> Schema:
        if origin is tuple:
            return {"type": "array", "items": self._type(arguments[0], partial=False)}
        if origin in {Union, types.UnionType}:
            choices = [self._type(one, partial=partial) for one in arguments if one is not types.NoneType]
            return choices[0] if len(choices) == 1 else {"oneOf": choices}
        names = self._type(arguments[0], partial=False)
        names.pop("type", None)
        values = self._type(arguments[1], partial=partial)
        return {"type": "object", **({"propertyNames": names} if names else {}), "additionalProperties": values}

    def _one_key(self, union: Any, *, partial: bool) -> Schema:
        """A mapping of one key; every kind is a property, which editors complete better than a choice of mappings."""
        models: tuple[type[Kinded], ...] = get_args(union)
        kinds = {model.kind: self.model(model, partial=partial) for model in models}
        least = {} if partial else {"minProperties": 1}
        return {"type": "object", "properties": kinds, "additionalProperties": False, **least, "maxProperties": 1}


def yaml_key(model: type[Model], name: str) -> str:
    """What a field is called in YAML."""
    return str(model.model_fields[name].validation_alias or name)


def _default(field: Any) -> Any:
    """A single value's default as YAML writes it; None when there is none to show."""
    if field.is_required() or not isinstance(field.default, (str, int, float)) or field.default == "":
        return None
    write = next((rule.write for rule in field.metadata if isinstance(rule, Read)), None)
    return field.default if write is None else write(field.default)


@cache
def field_texts(model: type[Model]) -> Mapping[str, str]:
    """The text under each field of a model and its bases, read from the source: nothing is kept while validating."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, Model) and base is not Model:
            texts |= _texts_of(base)
    return texts


def _texts_of(model: type[Model]) -> dict[str, str]:
    tree = next(
        node
        for node in _module(model.__module__).body
        if isinstance(node, ast.ClassDef) and node.name == model.__name__
    )
    texts = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            texts[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return texts


@cache
def _module(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[name]))


def _first_paragraph(model: type[Model]) -> str:
    return " ".join((inspect.getdoc(model) or "").partition("\n\n")[0].split())
