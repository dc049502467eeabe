"""YAML as a policy reads it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from relgate.policy.nodes import MOST_CHARACTERS, compose

if TYPE_CHECKING:
    from relgate.errors import Fault


def read(text: str) -> tuple[object, list[str]]:
    """Return what a text says and its faults."""
    faults: list[Fault] = []
    node = compose(text, "p.yaml", faults)
    return (None if node is None else node.plain()), [str(fault) for fault in faults]


def test_scalars_follow_the_core_schema() -> None:
    """Words and times stay texts; only the forms of YAML 1.2 are numbers and truth values."""
    text = "[on, no, 12:30, 1_000, 0o17, 0x1F, 1e3, .5, -7, true, False, null, ~, '5', 2026-01-01, 5., 1.5]"
    assert read(text) == (
        ["on", "no", "12:30", "1_000", 15, 31, 1000.0, 0.5, -7, True, False, None, None, "5", "2026-01-01", 5.0, 1.5],
        [],
    )


def test_anchors_and_merge_keys_work() -> None:
    """Own keys win over merged ones; of several merged mappings the earlier wins."""
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 9}\nd: *a\n"
    assert read(text) == (
        {"a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": {"x": 9, "y": 1, "z": 2}, "d": {"x": 1, "y": 1}},
        [],
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\nb: 2\na: 3", "p.yaml:3:1: a: the key stands twice, first in line 1: remove one"),
        ("a:\n  b: 1\n  b: 2", "p.yaml:3:3: a.b: the key stands twice, first in line 2: remove one"),
        ("a: &x [*x]", "p.yaml:1:8: *x stands inside of &x: an alias must not contain itself"),
        ("a: .nan", "p.yaml:1:4: a: expected a finite number, got .nan"),
        ("a: -.inf", "p.yaml:1:4: a: expected a finite number, got -.inf"),
        ("a: 1e999", "p.yaml:1:4: a: expected a finite number, got 1e999"),
        ("a:\n\tb: 1", "p.yaml:2:1: a tab stands where YAML wants spaces: indent with spaces"),
        ("a: b: c", "p.yaml:1:5: a colon stands where no key can be: put the text in quotes, or check the indent"),
        ("a: {b: 1\nc: 2", "p.yaml:2:2: expected a comma or } here: is a brace not closed?"),
        ("a: 'b", "p.yaml:1:6: a quote is not closed"),
        ("a: 1\n---\nb: 2", "p.yaml:2:1: expected one document, got several: remove the line with ---"),
        ("a: !!python/name:os.system x", "p.yaml:1:4: a: tags are not supported: remove !!python/name:os.system"),
        ("a\x07: 1", "p.yaml:1:2: the character U+0007 is not allowed in YAML: remove it"),
        ("1: 2", "p.yaml:1:1: expected a text as key: put it in quotes"),
        ('a: "\\ud800"', "p.yaml:1:4: a: half of a surrogate pair is not a character: write the character itself"),
        ("a: *b", "p.yaml:1:4: an alias (*name) has no anchor (&name) before it"),
        ("a: " + "9" * 5000, "p.yaml:1:4: a: expected a number of at most 40 digits, got 5000"),
        ("[" * 5000, "p.yaml:1:51: expected at most 20000 values, nested at most 50 deep"),
        ("- a\n" * 30_000, "p.yaml:20000:3: expected at most 20000 values, nested at most 50 deep"),
        ("x" * (MOST_CHARACTERS + 1), "p.yaml: expected at most 1000000 characters, got 1000001"),
    ],
    ids=count(1),
)
def test_what_a_policy_must_not_contain_is_named(text: str, fault: str) -> None:
    """Every refusal has its place and says what to do."""
    assert read(text)[1] == [fault]


def test_alias_bombs_do_not_explode() -> None:
    """A few lines that expand to a billion values are refused at the bound."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    _, faults = read("\n".join(lines))
    assert [fault.endswith("expected at most 20000 values, aliases expanded") for fault in faults] == [True]
