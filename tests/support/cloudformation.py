"""A CloudFormation template as a value, and parts of it as CloudFormation would make them of parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PSEUDO = {
    "AWS::AccountId": "1" * 12,
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}


def read_template(path: Path) -> dict[str, Any]:
    """The template, with `!Ref X` as ``{"Ref": "X"}`` and every other `!Y X` as ``{"Fn::Y": X}``."""
    yaml: Any = import_module("yaml")  # no types are published with it

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    def long_form(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            value = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", long_form)
    loaded: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)
    return loaded


@dataclass(frozen=True)
class Resolver:
    """Works out a template's functions.

    A resource or an attribute of one is its name in brackets; `AWS::NoValue` is left out.

    Attributes:
        template: as `read_template` gives it.
        given: values of parameters; the rest have their defaults.
    """

    template: Mapping[str, Any]
    given: Mapping[str, str]
    _functions: dict[str, Callable[[Any], Any]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "_functions",
            {
                "Ref": self._ref,
                "Fn::GetAtt": "[{}]".format,
                "Fn::Sub": lambda text: re.sub(r"\$\{([^}]+)\}", lambda name: str(self._ref(name.group(1))), text),
                "Fn::If": lambda parts: self.made(parts[1 if self._holds(parts[0]) else 2]),
                "Fn::FindInMap": self._found,
                "Fn::Join": lambda parts: parts[0].join(self.made([parts[1]])),
            },
        )

    def made(self, node: Any) -> Any:
        """A part of the template, as CloudFormation would resolve it."""
        if isinstance(node, list):
            return [made for made in map(self.made, node) if made is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in self._functions:
                return self._functions[name](argument)
        return {key: made for key, value in node.items() if (made := self.made(value)) is not None}

    def _ref(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.template["Resources"]:
            return f"[{name}]"
        return str(self.given.get(name, self.template["Parameters"][name].get("Default")))

    def _found(self, path: list[Any]) -> Any:
        table, row, column = map(self.made, path)
        return self.template["Mappings"][table][row][column]

    def _holds(self, condition: str) -> bool:
        rule = self.template["Conditions"][condition]
        if "Fn::Equals" in rule:
            left, right = self.made(rule["Fn::Equals"])
            return bool(left == right)
        ((negation, (equality,)),) = rule.items()
        assert negation == "Fn::Not", "another form of condition than the template's"
        left, right = equality["Fn::Equals"]
        return bool(self.made(left) != self.made(right))


def texts(node: Any) -> Iterator[str]:
    """Every text of a part of a template, keys included."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    else:
        yield str(node)


def as_list(value: Any) -> list[Any]:
    """The value, or the list of it: IAM takes either."""
    return value if isinstance(value, list) else [value]
