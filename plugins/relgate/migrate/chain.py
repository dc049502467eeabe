"""The chain of revisions: whether it holds together, what of it is new, and what of it cannot be taken back.

Works on the revisions as a tool lists them, broken chains included; knows no database, no file and no repository.
"Applies" here means: every revision that it builds on (``down``) or waits for (``after``) applies too.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from relgate.migrate.graph import ancestors, applicable, cycles
from relgate.ports.migrations import heads_of
from relgate.values import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from relgate.ports.migrations import Revision

GATE = "migration-chain"
DECLARED = "migration-declared"


def check(
    revisions: Sequence[Revision], *, production: Sequence[str] | None, history: Sequence[Revision] = ()
) -> tuple[Finding, ...]:
    """Return what is wrong with a chain, and with going from production to it.

    ``production``: the heads that production runs, () for an empty database, None where nobody asks. ``history``:
    production's own revisions where they are known (its release's checkout); only they can tell an older candidate
    from a foreign one, and a rewritten past from a longer one.
    """
    if not revisions:
        return (
            _finding(
                "empty-chain",
                "There is no revision at all.",
                "A chain that cannot be found looks like one with nothing to prove.",
                "Name the folder of the revisions in the policy, or take the migration gates out of it.",
            ),
        )
    known = {revision.id: revision for revision in revisions}
    circles = cycles(known)
    found = [
        *_duplicates(revisions),
        *_missing(revisions, known),
        *[_cycle(cycle, known) for cycle in circles],
        *_orphans(known, {id_ for cycle in circles for id_ in cycle}),
        *_ends(known),
    ]
    if production:
        found += _from_production(known, tuple(production), {revision.id: revision for revision in history})
    return tuple(found)


def order(revisions: Iterable[Revision]) -> tuple[Revision, ...]:
    """Return the revisions so that each comes after all that it builds on or waits for; ties go by id.

    What is not among ``revisions`` is taken for applied, so a part of a chain can be ordered too.

    Raises:
        ValueError: there is a cycle, or an id twice.

    """
    listed = tuple(revisions)
    known = {revision.id: revision for revision in listed}
    if len(known) != len(listed):
        twice = sorted(id_ for id_, n in Counter(revision.id for revision in listed).items() if n > 1)
        raise ValueError(f"expected every revision once, got several of {', '.join(twice)}")
    done = applicable(known)
    if len(done) < len(known):
        raise ValueError(f"the revisions form a cycle: {' -> '.join(cycles(known)[0])}")
    return tuple(known[id_] for id_ in done)


def new_since(revisions: Sequence[Revision], production: Iterable[str]) -> tuple[Revision, ...]:
    """Return the revisions that production does not have yet, in the order given.

    A head of production that nobody knows covers nothing: then more is new, never less.
    """
    known = {revision.id: revision for revision in revisions}
    had = ancestors(known, production)
    return tuple(revision for revision in revisions if revision.id not in had)


def new_files(revisions: Iterable[Revision], files: Collection[str]) -> tuple[Revision, ...]:
    """Return the revisions whose file is not among ``files`` (paths relative to the project); no path counts as new."""
    return tuple(revision for revision in revisions if not revision.path or revision.path not in files)


def check_declared(revisions: Iterable[Revision]) -> tuple[Finding, ...]:
    """Return the revisions without way back that do not say so, or say so without a reason or what takes its place."""
    found: list[Finding] = []
    for revision in revisions:
        declared = revision.declared
        if declared is None and not revision.way_back:
            found.append(_undeclared(revision))
        if declared is not None and not declared.reason.strip():
            found.append(_without(revision, "no-reason", "reason", "Nobody can judge a loss without its reason."))
        if declared is not None and not (declared.backup or "").strip():
            why = "Without a backup that takes the place of the way back, a release that fails cannot be undone."
            found.append(_without(revision, "no-backup", "backup", why))
    return tuple(found)


def unsafe_back(revisions: Iterable[Revision], applied: Iterable[str]) -> tuple[Revision, ...]:
    """Return those of the ``applied`` revisions (every id, not only heads) that cannot be taken back.

    Any of them makes a rollback of the database unsafe: the decision is hold.

    Raises:
        ValueError: a revision was applied that is not among ``revisions``; whether it can be taken back is unknown.

    """
    known = {revision.id: revision for revision in revisions}
    ids = tuple(applied)
    unknown = sorted(set(ids) - known.keys())
    if unknown:
        raise ValueError(f"applied, but not among the revisions: {', '.join(unknown)}")
    return tuple(known[id_] for id_ in ids if known[id_].declared is not None or not known[id_].way_back)


# --- the chain by itself


def _duplicates(revisions: Sequence[Revision]) -> list[Finding]:
    files: dict[str, list[Revision]] = {}
    for revision in revisions:
        files.setdefault(revision.id, []).append(revision)
    return [
        _finding(
            "duplicate-id",
            f"{len(same)} revisions call themselves {id_}: {', '.join(one.path or '(no file)' for one in same)}.",
            "Which of them runs is chance, and the database's books cannot tell them apart.",
            "Give all but the first a new id, and lead those that build on them there.",
            same[1],
        )
        for id_, same in files.items()
        if len(same) > 1
    ]


def _missing(revisions: Sequence[Revision], known: Mapping[str, Revision]) -> list[Finding]:
    return [
        _finding(
            "missing-parent",
            f"Revision {revision.id} {how} {parent}, which does not exist.",
            "Neither this revision nor any that follows it can be applied.",
            f"Bring back the file of {parent} (a merge may have lost it), or lead {revision.id} to the right one.",
            revision,
        )
        for revision in revisions
        for how, parents in (("builds on", revision.down), ("waits for", revision.after))
        for parent in parents
        if parent not in known
    ]


def _cycle(cycle: Sequence[str], known: Mapping[str, Revision]) -> Finding:
    return _finding(
        "cycle",
        f"The revisions build on one another in a circle: {' -> '.join((*cycle, cycle[0]))}.",
        "None of them can be applied first, so none can be applied at all.",
        "Lead one of them to the revision that it was made on.",
        known[cycle[0]],
    )


def _orphans(known: Mapping[str, Revision], circular: Collection[str]) -> list[Finding]:
    """Find the revisions that cannot apply though their own parents are there, and those that stand alone."""
    broken = {id_ for id_, one in known.items() if any(up not in known for up in (*one.down, *one.after))}
    applies = set(applicable({id_: one for id_, one in known.items() if id_ not in broken}, strict=True))
    cut_off = [id_ for id_ in known if id_ not in applies and id_ not in broken and id_ not in circular]
    why = "It is never applied: the code that needs it meets a database without it."
    found = [
        _finding("orphan", f"No base leads to revision {id_}.", why, "Mend the break below it.", known[id_])
        for id_ in cut_off
    ]
    return found + [
        _finding(
            "orphan",
            f"Revision {id_} stands alone: it builds on nothing, and nothing builds on it.",
            why,
            "Lead its down revision to the head it was made on, or label it as a branch of its own.",
            known[id_],
        )
        for id_ in _alone(known)
    ]


def _alone(known: Mapping[str, Revision]) -> list[str]:
    """Return revisions that are base and head at once beside a longer chain, and carry no label."""
    heads = set(heads_of(known))
    alone = [id_ for id_ in known if id_ in heads and not known[id_].down and not known[id_].labels]
    return alone if len(alone) < len(known) else []


def _ends(known: Mapping[str, Revision]) -> list[Finding]:
    """Find heads and bases beyond the first that no label tells apart."""
    alone = set(_alone(known))
    heads = [id_ for id_ in heads_of(known) if id_ not in alone]
    bases = [id_ for id_, one in known.items() if not one.down and id_ not in alone]
    found = []
    if len(heads) > 1 and not _told_apart(heads, known):
        found.append(
            _finding(
                "several-heads",
                f"The chain has {len(heads)} heads: {', '.join(sorted(heads))}.",
                "Two changes that were each green were made on the same revision: nobody has run them one after the "
                "other, and a tool that is told to go to the head refuses.",
                "Merge them (alembic merge heads; makemigrations --merge), or lead one to the other.",
                known[max(heads)],
            )
        )
    if len(bases) > 1 and not all(known[id_].labels for id_ in bases):
        found.append(
            _finding(
                "several-bases",
                f"The chain has {len(bases)} bases: {', '.join(sorted(bases))}.",
                "A second beginning is usually a revision that lost its down revision.",
                "Lead it to the revision that it was made on, or label the branches where they are meant.",
                known[max(bases)],
                blocks=False,
            )
        )
    return found


def _told_apart(heads: Sequence[str], known: Mapping[str, Revision]) -> bool:
    """Whether each head has a label that no other head has; a label counts for all that follows it."""
    labels = [{label for id_ in ancestors(known, [head]) for label in known[id_].labels} for head in heads]
    shared = Counter(label for own in labels for label in own)
    return all(any(shared[label] == 1 for label in own) for own in labels)


# --- production


def _from_production(
    known: Mapping[str, Revision], production: tuple[str, ...], history: Mapping[str, Revision]
) -> list[Finding]:
    unknown = [id_ for id_ in production if id_ not in known]
    if unknown:
        return [_older_or_unknown(known, unknown, production, history)]
    found = _rewritten(known, production, history)
    heads = {head: ancestors(known, [head]) for head in heads_of(known)}
    beside = [head for head, below in heads.items() if not below & set(production) and not _labelled(below, known)]
    stranded = [id_ for id_ in production if not any(id_ in below for below in heads.values())]
    if beside or stranded:
        found.append(
            _finding(
                "not-ancestor",
                f"Production's head {', '.join(stranded or production)} is not below the candidate's head "
                f"{', '.join(sorted(beside or heads)) or '(none)'}.",
                "An upgrade from production cannot get there: the candidate was made on another line of revisions.",
                "Merge the branch that production runs, then merge the heads.",
                known[(beside or stranded)[0]],
            )
        )
    return found


def _labelled(ids: Iterable[str], known: Mapping[str, Revision]) -> bool:
    return any(known[id_].labels for id_ in ids)


def _older_or_unknown(
    known: Mapping[str, Revision], unknown: Sequence[str], production: Sequence[str], history: Mapping[str, Revision]
) -> Finding:
    heads = heads_of(known)
    if heads and set(heads) <= ancestors(history, production):
        return _finding(
            "head-behind",
            f"The candidate's head {', '.join(sorted(heads))} is older than production's {', '.join(production)}.",
            "The candidate cannot take back what it does not know, and its code meets a newer schema.",
            "Release from a branch that holds production's revisions.",
        )
    return _finding(
        "unknown-production",
        f"Production runs {', '.join(unknown)}, which the candidate does not have.",
        "The tool refuses to upgrade from a revision that it does not know, and nobody can say what would run.",
        "Merge the branch that production runs; a candidate older than production must not be released forward.",
    )


def _rewritten(
    known: Mapping[str, Revision], production: Sequence[str], history: Mapping[str, Revision]
) -> list[Finding]:
    """Find revisions that were put below production's head after it ran: no upgrade will ever apply them."""
    if not history:
        return []
    late = sorted(ancestors(known, production) - ancestors(history, production))
    return [
        _finding(
            "below-production",
            f"Revision {id_} lies below production's head {', '.join(production)}, but production never ran it.",
            "An upgrade starts at production's head, so this revision is taken for applied and never runs there.",
            "Lead it to the head instead, and the revision above it back to where it was.",
            known[id_],
        )
        for id_ in late
    ]


# --- findings


def _undeclared(revision: Revision) -> Finding:
    return _finding(
        "undeclared",
        f"Revision {revision.id} has no way back and does not say so.",
        "Once it has run, a rollback of the release leaves the old code on the new schema, and nobody was warned.",
        'Write its way back, or declare it: irreversible = {"reason": "...", "backup": "..."} '
        '(SQL: -- relgate: irreversible reason="..." backup="...").',
        revision,
        gate=DECLARED,
    )


def _without(revision: Revision, code: str, field: str, why: str) -> Finding:
    what = f"Revision {revision.id} is declared irreversible without a {field}."
    return _finding(code, what, why, f"Say the {field} in the declaration.", revision, gate=DECLARED)


def _finding(
    code: str,
    what: str,
    why: str,
    do: str,
    revision: Revision | None = None,
    *,
    blocks: bool = True,
    gate: str = GATE,
) -> Finding:
    if revision is None:
        return Finding(gate, code, what, why, do, blocks)
    return Finding(gate, code, what, why, do, blocks, revision.id, revision.path, revision.line)
