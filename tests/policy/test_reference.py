"""The reference names everything that the loader knows."""

from __future__ import annotations

from relgate.policy.document import POLICY
from relgate.policy.fields import FIELDS
from relgate.policy.grammar import Either, ListOf, MapOf, Record, Shape
from relgate.policy.reference import reference


def keys(shape: Shape) -> set[str]:
    """Return every key of a shape and of what it contains."""
    if isinstance(shape, Record):
        return {key.name for key in shape.keys}.union(*(keys(key.shape) for key in shape.keys))
    if isinstance(shape, Either):
        return keys(shape.long)
    return keys(shape.item) if isinstance(shape, ListOf | MapOf) else set()


def test_every_key_field_and_rule_stands_in_the_reference() -> None:
    """Nothing that a policy may say is missing from its reference."""
    text = reference()
    assert len(keys(POLICY)) > 60
    assert [key for key in sorted(keys(POLICY)) if f"| `{key}` |" not in text] == []
    assert [
        f for kind, fields in FIELDS.items() for f in fields if f"| {kind} | `{f}` | {fields[f]} |" not in text
    ] == []


def test_tables_are_whole() -> None:
    """Every row of a table has as many cells as its head."""
    width = 0
    for line in reference().splitlines():
        cells = line.replace("\\|", "").count("|")
        width = 0 if not line.startswith("|") else width or cells
        assert cells == width or not line.startswith("|"), line


def test_links_lead_to_headings() -> None:
    """Every link into the page has its heading."""
    text = reference()
    headings = {line[3:].lower().replace(" ", "-") for line in text.splitlines() if line.startswith("## ")}
    targets = {part.split(")")[0] for part in text.split("](#")[1:]}
    assert targets <= headings
    assert len(targets) > 15
