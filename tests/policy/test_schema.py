"""The JSON Schema for editors and the loader agree."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.errors import Fault, PolicyError
from relgate.policy import json_schema, load
from relgate.policy.document import POLICY
from relgate.policy.grammar import Record, check
from relgate.policy.nodes import Faults, compose
from tests.policy.samples import CONTRACT, SMALLEST, WHOLE

# Where the loader is stricter by nature: what a pattern cannot say. Everything else must be refused by both.
BEYOND_SCHEMA = (
    r"expected .* of at most",  # absurd quantities
    r"above (zero|0%|50%)",  # zero, and shares at the ends
    r"times the baseline, got",  # absurd factors
    r"a streak longer than 0s",
    r"a duration of at least 1s, got",
    r"expected a regular expression, got",  # does not compile
    r"expected a regular expression with one group, got",
    r"expected a range that goes up",
    r"unknown time zone|no such day|not end when it begins",
    r"expected a URL (with|without) |an unreadable host or port",  # host, port, user, fragment
)


@cache
def validator() -> jsonschema.Draft202012Validator:
    """Return a validator of the schema."""
    return jsonschema.Draft202012Validator(json_schema())


def structural(document: object) -> list[str]:
    """Return the loader's faults of a document's shape, without those between its parts."""
    faults: list[Fault] = []
    root = compose(json.dumps(document, ensure_ascii=False), "p.yaml", faults)
    assert root is not None, faults
    check(root, POLICY, (), Faults(root, faults))
    return [str(fault) for fault in faults]


JUNK: list[object] = [
    None, True, False, 0, 1, 2, 1.1, 5.0, -1, 200, "", " ", "x", "1", "95%", "0%", "100%", "500%", "5s", "0s", "900d",
    "500ms", "found", "all", 0.5, 2000,
    "20/s", "5 s", "any", "> 5", "> 5%", "> 5s\n", "> 2x baseline", "> 9999x baseline", "down", "canary", "hold",
    "env:A", "file:", "http://h", "http://", "/x", "x y", "a.b", "(", "200-100", "[", [], [[]], ["x"], [1], {},
    ["> 5", "down"], {"x": 1}, {"get": "/"}, {"url": "http://h"}, {"name": "x"}, {"x": {}},
]  # fmt: skip
# Control characters are no YAML, whatever stands around them: ``nodes`` refuses them before any shape is looked at.
PRINTABLE = st.text(st.characters(exclude_categories=["C"]), max_size=5)
WORDS = sorted(
    {key.name for key in POLICY.keys} | {"x", "fail", "get", "url", "every", "Über", "a b", "probe", "json", "body"}
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """Draw a policy that is good but for up to three changes: replaced, removed, renamed or added values."""
    document = copy.deepcopy(draw(st.sampled_from([yaml.safe_load(text) for text in (CONTRACT, SMALLEST, WHOLE)])))
    for _ in range(draw(st.integers(0, 3))):
        found = places(document)[1:]
        if not found:
            break
        *parents, last = draw(st.sampled_from(found))
        holder = document
        for part in parents:
            holder = holder[part]
        action = draw(st.sampled_from(["replace", "replace", "remove", "rename", "add"]))
        if action == "replace":
            holder[last] = copy.deepcopy(draw(st.sampled_from(JUNK) | PRINTABLE))
        elif action == "remove":
            del holder[last]
        elif isinstance(holder, dict):
            value = holder.pop(last) if action == "rename" else copy.deepcopy(draw(st.sampled_from(JUNK)))
            holder[draw(st.sampled_from(WORDS))] = value
    return document


def test_the_schema_is_valid_and_accepts_the_samples() -> None:
    """The schema is draft 2020-12, has its identity, and takes all the policies that load."""
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith("https://")
    for text in (CONTRACT, SMALLEST, WHOLE):
        assert not list(validator().iter_errors(yaml.safe_load(text)))


def test_every_key_has_a_description() -> None:
    """An editor can say of every key what it does."""

    def walk(value: Any) -> int:
        if not isinstance(value, dict):
            return sum(walk(item) for item in value) if isinstance(value, list) else 0
        own = value["properties"] if value.get("additionalProperties") is False else {}
        assert all(len(inner["description"]) > 5 for inner in own.values())
        return len(own) + sum(walk(inner) for key, inner in value.items() if key != "examples")

    assert walk({**json_schema(), "then": {}}) > 150
    assert isinstance(POLICY, Record)


@pytest.mark.parametrize("junk", [[], None, "gone"], ids=["empty", "null", "gone"])
def test_every_place_is_checked_by_both(junk: object) -> None:
    """Wherever a value is emptied or taken away, schema and loader agree whether that may be."""
    whole, smallest = yaml.safe_load(WHOLE), yaml.safe_load(SMALLEST)
    for *parents, last in places(whole)[1:]:
        # One part of a policy at a time: what is in the others changes no shape, and takes long to read each time.
        part_of = parents[0] if parents else last
        document = {**smallest, part_of: copy.deepcopy(whole[part_of])}
        holder = document
        for part in parents:
            holder = holder[part]
        if junk == "gone":
            del holder[last]
        else:
            holder[last] = junk
        assert validator().is_valid(document) == (not structural(document)), (parents, last)


@settings(max_examples=120)
@given(documents())
def test_schema_and_loader_accept_the_same_shapes(document: Any) -> None:
    """The schema takes what the loader finds well-formed and refuses what it refuses, but for the list."""
    if isinstance(document, dict):
        document.pop("extends", None)
    faults = [fault for fault in structural(document) if not any(re.search(p, fault) for p in BEYOND_SCHEMA)]
    errors = [f"{error.json_path}: {error.message}" for error in validator().iter_errors(document)]
    assert bool(errors) == bool(faults), (errors, faults)


@settings(max_examples=100)
@given(documents())
def test_what_loads_is_accepted_by_the_schema(document: Any) -> None:
    """A policy without a fault never gets a red line in an editor."""
    try:
        load(json.dumps(document, ensure_ascii=False))
    except PolicyError:
        return
    assert not list(validator().iter_errors(document))


def test_a_part_of_a_policy_is_valid_beside_extends() -> None:
    """A policy that extends another needs no more than what it changes; without ``extends`` it is incomplete."""
    part: dict[str, Any] = {"environments": {"prod": {"read_only": True}}, "signals": {"depth": {"every": "5s"}}}
    assert list(validator().iter_errors(part))
    assert not list(validator().iter_errors({**part, "extends": "base.yaml"}))
    assert list(validator().iter_errors({**part, "extends": "base.yaml", "then": "go"}))
