"""The chain of revisions: every way in which it can be broken, and none that is not there."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate import chain
from relgate.ports.migrations import Declared, Revision


def revision(id_: str, *down: str, after: tuple[str, ...] = (), labels: tuple[str, ...] = ()) -> Revision:
    """A revision with a file of its own."""
    return Revision(id_, down, path=f"versions/{id_}.py", after=after, labels=labels)


def codes(*revisions: Revision, production: tuple[str, ...] | None = None) -> list[str]:
    """The codes of what is wrong with a chain."""
    return [finding.code for finding in chain.check(revisions, production=production)]


A, B, C = revision("a"), revision("b", "a"), revision("c", "b")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Revision, ...]:
    """Any graph without cycles, ``down`` and ``after`` mixed, shuffled."""
    count = draw(st.integers(1, 12))
    found = []
    for number in range(count):
        below = [f"r{one}" for one in range(number)]
        down = draw(st.lists(st.sampled_from(below), unique=True, max_size=3)) if below else []
        after = draw(st.lists(st.sampled_from(below), unique=True, max_size=2)) if below else []
        found.append(revision(f"r{number}", *down, after=tuple(after)))
    return tuple(draw(st.permutations(found)))


def test_a_straight_chain_has_no_finding() -> None:
    """Three revisions, production at the second."""
    assert codes(A, B, C, production=("b",)) == []
    assert codes(A, B, C, production=()) == []
    assert codes(A) == []


def test_a_merge_and_a_dependency_are_no_fault() -> None:
    """Two branches that are merged have one head."""
    merged = revision("m", "b", "x", after=("a",))

    assert codes(A, B, revision("x", "a"), merged) == []


def test_no_revision_at_all_is_a_fault() -> None:
    """A folder that was not found must not look like a chain that is fine."""
    assert codes() == ["empty-chain"]


def test_two_heads_are_a_fault_and_both_are_named() -> None:
    """Two green pull requests on the same revision."""
    (finding,) = chain.check((A, B, revision("x", "a")), production=None)

    assert (finding.code, finding.blocks) == ("several-heads", True)
    assert "b, x" in finding.what
    assert (finding.path, finding.revision) == ("versions/x.py", "x")


def test_heads_of_labelled_branches_are_meant() -> None:
    """Each head has a label of its own; a shared label does not tell them apart."""
    left, right = revision("a", labels=("left",)), revision("b", labels=("right",))

    assert codes(left, revision("c", "a"), right, revision("d", "b")) == []
    assert codes(left, revision("c", "a"), revision("d", "a")) == ["several-heads"]


def test_a_second_beginning_is_a_warning() -> None:
    """Merged later on, it works; it is still odd."""
    (finding,) = chain.check((A, B, revision("x"), revision("m", "b", "x")), production=None)

    assert (finding.code, finding.blocks) == ("several-bases", False)


def test_a_revision_that_stands_alone_is_an_orphan() -> None:
    """It lost its down revision, and nothing builds on it."""
    (finding,) = chain.check((A, B, revision("x")), production=None)

    assert (finding.code, finding.revision) == ("orphan", "x")
    assert codes(A, B, revision("x", labels=("other",))) != ["orphan"]


def test_a_parent_that_does_not_exist_is_named_and_what_hangs_on_it_is_cut_off() -> None:
    """The break is one finding, what follows it another."""
    found = chain.check((A, B, revision("x", "gone"), revision("y", "x", "b")), production=None)

    assert [(one.code, one.revision) for one in found] == [("missing-parent", "x"), ("orphan", "y")]
    assert "gone" in found[0].what
    assert codes(A, revision("b", "a", after=("gone",))) == ["missing-parent"]


def test_a_cycle_is_named_from_end_to_end() -> None:
    """The circle in its order; what follows it is cut off."""
    found = chain.check(
        (A, revision("x", "z"), revision("y", "x"), revision("z", "y"), revision("t", "a", "z")), production=None
    )

    assert [(one.code, one.revision) for one in found] == [("cycle", "x"), ("orphan", "t")]
    assert "x -> z -> y -> x" in found[0].what


def test_every_cycle_is_reported_and_dependencies_make_cycles_too() -> None:
    """One run shows all."""
    found = codes(A, revision("p", "p"), revision("x", "a", after=("y",)), revision("y", "a", after=("x",)))

    assert found.count("cycle") == 2


def test_an_id_that_two_files_have_is_reported_with_both() -> None:
    """Which of them runs would be chance."""
    found = chain.check((A, B, Revision("b", ("a",), path="versions/copy.py")), production=None)

    assert [one.code for one in found] == ["duplicate-id"]
    assert "versions/b.py, versions/copy.py" in found[0].what


def test_a_revision_of_production_that_the_candidate_lacks_blocks() -> None:
    """Nobody can say what an upgrade would run."""
    assert codes(A, B, production=("zz",)) == ["unknown-production"]


def test_a_candidate_older_than_production_is_told_from_a_foreign_one() -> None:
    """Where production's own revisions are known."""
    (older,) = chain.check((A, B), production=("c",), history=(A, B, C))
    (foreign,) = chain.check((A, B), production=("c",), history=(A, C))

    (partly,) = [
        one
        for one in chain.check((A, B, revision("x", "a")), production=("c",), history=(A, B, C))
        if one.code != "several-heads"
    ]

    assert (older.code, foreign.code, partly.code) == ("head-behind", "unknown-production", "unknown-production")


def test_a_head_beside_production_is_no_way_forward() -> None:
    """Production runs one of two heads."""
    assert codes(A, B, revision("x", "a"), production=("b",)) == ["several-heads", "not-ancestor"]
    assert codes(A, B, revision("x", "a"), production=("a",)) == ["several-heads"]


def test_production_in_a_cycle_leads_nowhere() -> None:
    """No head is above it."""
    other = revision("a", labels=("other",))

    assert codes(other, revision("x", "y"), revision("y", "x"), production=("x",)) == ["cycle", "not-ancestor"]


def test_a_revision_put_below_productions_head_never_runs() -> None:
    """The chain looks whole, and production lacks it for ever."""
    late = (A, revision("late", "a"), revision("b", "late"))
    (finding,) = chain.check(late, production=("b",), history=(A, B))

    assert (finding.code, finding.revision) == ("below-production", "late")


@given(graphs(), st.integers(0, 2**32))
def test_order_puts_every_revision_behind_what_it_needs_whatever_the_input_order(
    revisions: tuple[Revision, ...], seed: int
) -> None:
    """Topological, complete, and the same for each order of files."""
    ordered = chain.order(revisions)
    place = {one.id: number for number, one in enumerate(ordered)}
    shuffled = list(revisions)
    random.Random(seed).shuffle(shuffled)

    assert sorted(place) == sorted(one.id for one in revisions)
    assert all(place[up] < place[one.id] for one in revisions for up in (*one.down, *one.after))
    assert chain.order(shuffled) == ordered


@given(graphs(), st.data())
def test_what_is_new_is_what_production_cannot_reach(revisions: tuple[Revision, ...], data: st.DataObject) -> None:
    """New and old cover the chain; what is old has only old below it, what is new only new above it."""
    production = data.draw(st.lists(st.sampled_from([one.id for one in revisions]), unique=True))
    new = {one.id for one in chain.new_since(revisions, production)}

    assert not new & set(production)
    for one in revisions:
        if one.id not in new:
            assert not new & {*one.down, *one.after}
        elif not production:
            assert one.id in new
    assert set(chain.new_since(revisions, ())) == set(revisions)


@given(graphs())
def test_a_graph_without_faults_is_never_called_broken(revisions: tuple[Revision, ...]) -> None:
    """Random graphs have heads and bases beyond the first, but no cycle, no gap and nothing twice."""
    assert not {"cycle", "missing-parent", "duplicate-id", "empty-chain"} & set(codes(*revisions))


@given(graphs(), st.data())
def test_any_edge_that_closes_a_circle_is_found(revisions: tuple[Revision, ...], data: st.DataObject) -> None:
    """One edge from below to above, and both the check and the order see it."""
    known = {one.id: one for one in revisions}
    top = data.draw(st.sampled_from([one.id for one in revisions]))
    below = sorted(known.keys() - {one.id for one in chain.new_since(revisions, [top])})
    bottom = data.draw(st.sampled_from(below))
    known[bottom] = Revision(bottom, (*known[bottom].down, top), after=known[bottom].after)

    assert "cycle" in codes(*known.values())
    with pytest.raises(ValueError, match="cycle"):
        chain.order(known.values())


def test_a_part_of_a_chain_can_be_ordered() -> None:
    """What is not listed is applied already."""
    assert chain.order((C, B)) == (B, C)


def test_an_id_twice_has_no_order() -> None:
    """Rather an error than one of both dropped in silence."""
    with pytest.raises(ValueError, match="several of a"):
        chain.order((A, A))


def test_an_unknown_head_of_production_makes_everything_new() -> None:
    """More is checked, never less."""
    assert chain.new_since((A, B), ("zz",)) == (A, B)


def test_new_files_are_those_that_the_other_ref_lacks() -> None:
    """A revision without a file counts as new."""
    bare = Revision("n", ())

    assert chain.new_files((A, B, bare), {"versions/a.py"}) == (B, bare)


def declared(reason: str, backup: str | None, *, way_back: bool = False) -> Revision:
    """A revision that says that it cannot be taken back."""
    return Revision("a", (), path="a.py", way_back=way_back, declared=Declared(reason, backup))


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (A, []),
        (declared("legal", "nightly dump"), []),
        (declared("legal", "nightly dump", way_back=True), []),
        (Revision("a", (), way_back=False), ["undeclared"]),
        (declared(" ", "nightly dump"), ["no-reason"]),
        (declared("legal", None), ["no-backup"]),
        (declared("legal", ""), ["no-backup"]),
        (declared("", None), ["no-reason", "no-backup"]),
    ],
)
def test_what_cannot_be_taken_back_says_so_with_a_reason_and_a_backup(one: Revision, expected: list[str]) -> None:
    """Every fault of a declaration, and all of them block."""
    found = chain.check_declared((one,))

    assert [finding.code for finding in found] == expected
    assert all(finding.blocks and finding.gate == "migration-declared" for finding in found)


def test_applied_revisions_that_cannot_be_taken_back_make_a_rollback_unsafe() -> None:
    """Declared ones even with a way back: the data that they lose does not come back."""
    gone, kept = declared("legal", "dump", way_back=True), Revision("n", ("a",), way_back=False)

    assert chain.unsafe_back((gone, kept, B), ("a", "n", "b")) == (gone, kept)
    assert chain.unsafe_back((gone, kept, B), ("b",)) == ()
    with pytest.raises(ValueError, match="zz"):
        chain.unsafe_back((gone,), ("zz",))
