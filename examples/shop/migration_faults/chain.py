"""Bad releases whose chain does not hold together, or that do not say what they are."""

from __future__ import annotations

from .parts import Fault, revision

CHAIN = "migration-chain"
DECLARED = "migration-declared"
_VIEW = ("CREATE VIEW queued_orders AS SELECT ref, created FROM orders WHERE status = 'queued'",)
_NO_VIEW = ("DROP VIEW queued_orders",)
_OTHER = ("CREATE VIEW packed_orders AS SELECT ref, created FROM orders WHERE status = 'packed'",)
_NO_OTHER = ("DROP VIEW packed_orders",)
_WISHES = 'sa.Table("wishes", target_metadata, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))\n'

FAULTS: dict[str, Fault] = {
    "two-heads": Fault(
        "two changes were made on 0030, and nobody merged them",
        (CHAIN, "several-heads"),
        revision(_VIEW, _NO_VIEW, number="0031", name="queued")
        | revision(_OTHER, _NO_OTHER, number="0032", name="packed"),
    ),
    "missing-parent": Fault(
        "the revision that 0031 builds on was lost in a merge",
        (CHAIN, "missing-parent"),
        revision(_VIEW, _NO_VIEW, on="0030b"),
        stops="0030b",
    ),
    "cycle": Fault(
        "0031 and 0032 build on one another",
        (CHAIN, "cycle"),
        revision(_VIEW, _NO_VIEW, on="0032", name="queued")
        | revision(_OTHER, _NO_OTHER, number="0032", on="0031", name="packed"),
        stops="ycle",
    ),
    "orphan": Fault(
        "0031 builds on nothing, although there is a history",
        (CHAIN, "orphan"),
        revision(_VIEW, _NO_VIEW, on=None),
    ),
    "duplicate-id": Fault(
        "two files call themselves 0031",
        (CHAIN, "duplicate-id"),
        revision(_VIEW, _NO_VIEW, name="queued") | revision(_OTHER, _NO_OTHER, name="packed"),
    ),
    "second-base": Fault(
        "a revision lost what it was made on, and a merge hides that",
        (CHAIN, "several-bases"),
        revision(("CREATE TABLE wishes (id integer PRIMARY KEY)",), ("DROP TABLE wishes",), on=None, name="wishes")
        | {"0032_merge.py": revision((), (), number="0032")["0032_release.py"].replace("'0030'", "('0030', '0031')")},
        models=_WISHES,
    ),
    "undeclared-irreversible": Fault(
        "the downgrade raises, and nothing says why or what takes its place",
        (DECLARED, "undeclared"),
        revision(_VIEW, 'raise NotImplementedError("no way back")'),
    ),
    "no-downgrade": Fault(
        "there is no downgrade at all",
        (DECLARED, "undeclared"),
        revision(_VIEW, None),
    ),
    "declared-without-backup": Fault(
        "declared irreversible, with a reason, but nothing takes the place of the way back",
        (DECLARED, "no-backup"),
        revision(_VIEW, _NO_VIEW, declared='{"reason": "the old audit log is not kept"}'),
    ),
}
"""Name -> what is wrong, and what must find it."""
