"""No input ends in anything but a Policy or a PolicyError."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from relgate.errors import Fault, PolicyError
from relgate.policy import Policy, load
from tests.policy.samples import CONTRACT, SMALLEST, WHOLE
from tests.policy.test_schema import documents

SNIPPETS = st.sampled_from(
    ["\t", "\n", "  ", ":", "- ", "{", "}", "[", "]", "&a ", "*a", "<<: ", "!!x ", "'", '"', "|", ">", "%", "#", "? ",
     "\x00", "\ufeff", "\u2028", "\ud800", "~", "9" * 50, ".nan", "\\", "---\n", "...", "@", "`", "\x85",
     "extends: relgate.yaml\n"]
)  # fmt: skip


def loads(text: str) -> None:
    """Load a text that may be anything, from which files of anything may be read."""
    faults: tuple[Fault, ...] = ()
    try:
        assert isinstance(load(text, read=lambda _path: text), Policy)
    except PolicyError as error:
        faults = error.faults or (Fault(""),)
    assert all(fault.message and fault.file for fault in faults)


@settings(max_examples=300)
@given(st.text(st.characters(), max_size=200) | st.lists(SNIPPETS | st.text(max_size=4), max_size=30).map("".join))
@example("[" * 100_000)
@example("{a: " * 100_000)
@example("- " * 100_000)
@example("? " * 100_000)
@example("&a " * 1000)
@example("%YAML 1." + "9" * 5000 + "\n---\n")
@example('"\\UFFFFFFFF"')
@example("a: &a [*a]")
@example("extends: relgate.yaml\n")
@example("extends: b.yaml\n")
def test_any_text_is_a_policy_or_a_policyerror(text: str) -> None:
    """Whatever comes in, no traceback comes out."""
    loads(text)


@settings(max_examples=300)
@given(st.sampled_from([CONTRACT, SMALLEST, WHOLE]), st.data())
def test_any_damage_to_a_policy_is_a_policy_or_a_policyerror(text: str, data: st.DataObject) -> None:
    """A policy with characters removed, replaced or put in is still answered in order."""
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 8))
        text = text[:start] + data.draw(SNIPPETS | st.text(max_size=3)) + text[start + length :]
    loads(text)


@settings(max_examples=100)
@given(documents())
def test_any_change_of_a_document_is_a_policy_or_a_policyerror(document: Any) -> None:
    """A policy with values of other shapes is still answered in order, and always the same."""
    loads(json.dumps(document, ensure_ascii=False))
    loads(json.dumps(document))
