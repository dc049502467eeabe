"""What a proof writes down: an examination counts once, for its revision, and never where it cannot be believed."""

from __future__ import annotations

from relgate.migrate.faults import CRASH, DATA, LOCKS
from relgate.migrate.notebook import Notebook
from relgate.ports.migrations import Revision

ONE, TWO = Revision("0001", ()), Revision("0002", ("0001",))


def book(*gates: str) -> Notebook:
    """One that wants some gates, two revisions of each."""
    made = Notebook(frozenset(gates))
    for gate in gates:
        made.expect(gate, 2)
    return made


def test_a_revision_counts_once_however_often_it_is_examined() -> None:
    """Twice the first would hide that the second is missing."""
    noted = book(DATA)
    noted.examined(DATA, ONE)
    noted.examined(DATA, ONE)

    assert noted.results()[0].checked == 1
    assert noted.rows["0001"]["examined"] == [DATA]


def test_nothing_counts_of_a_gate_whose_checks_cannot_be_believed() -> None:
    """For no revision: the tool's statements cannot be seen, the sample does not fit."""
    noted = book(DATA, CRASH)
    noted.doubt(DATA, "the sample does not fit")
    for gate in (DATA, CRASH):
        noted.examined(gate, ONE)

    assert [(one.gate, one.checked) for one in noted.results()] == [(CRASH, 1), (DATA, 0)]
    assert noted.rows["0001"]["examined"] == [CRASH]


def test_what_was_not_examined_says_why_for_each_gate_that_lacks_it() -> None:
    """Not for one that has done its part, nor for one that nobody asked for or that does not apply."""
    noted = book(DATA, CRASH, LOCKS)
    noted.does_not_apply(LOCKS, "no such locks")
    noted.examined(DATA, TWO)
    noted.unexamined(TWO, (DATA, CRASH, LOCKS, "migration-scale"), "its way back fails")

    assert noted.notes == {CRASH: ["0002 was not examined: its way back fails"]}
    assert noted.rows["0002"]["unexamined"] == "its way back fails"


def test_what_is_complete_has_no_reason() -> None:
    """Nothing is noted where nothing is missing."""
    noted = book(DATA)
    noted.examined(DATA, ONE)
    noted.unexamined(ONE, (DATA,), "its way back fails")

    assert noted.notes == {}
    assert "unexamined" not in noted.rows["0001"]
