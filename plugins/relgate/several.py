"""A limit that many things have to keep, each by itself: patterns of log lines, statements of a database. Pure.

The gate's share of the chance of a false rollback is divided by the number of things on both sides together
(Bonferroni): how many there are is known before anybody looks at which side they are of. "Surely kept" is asked of each
at the full confidence: a release that is worse is worse in one of them, and only that one could be called kept wrongly.
One thing beyond the limit fails the gate, and is named.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from relgate.measure.describe import describe
from relgate.measure.patterns import ALL
from relgate.measure.trial import Trial, at_once, upward
from relgate.policy.limits import Limit, NumberLimit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from relgate.measure.patterns import Compared, Found
    from relgate.measure.rates import CountPair
    from relgate.measure.statements import MeanPair
    from relgate.measure.trial import Subject

_LONGEST = 160
"""Characters of a statement, a pattern or an example in a message."""


def foremost(seen: Compared) -> CountPair:
    """Return the pattern that is most above the baseline: the number that stands for the gate."""
    above = [(pair.events / pair.exposure_s - (pair.baseline or 0.0), pair) for pair in _pairs(seen)]
    return max(above, key=lambda one: one[0])[1] if above else seen.never


def _pairs(seen: Compared) -> Iterable[CountPair]:
    return (one.worse for one in seen.found if one.pattern != ALL and one.worse.exposure_s > 0)


def by_pattern(limit: Limit, seen: Compared, subject: Subject) -> Trial:
    """Try a limit on each pattern of the candidate's lines, and on what did not come at all."""
    number = _usable(limit)
    if number is None:
        return _unfit(limit)
    alpha = (subject.alpha or 1 - subject.confidence) / max(1, seen.tried)
    share = replace(subject, alpha=alpha)
    of = {one.pattern: _of_pattern(number, one, share) for one in _by_weight(seen.found)}
    together = of.pop(ALL, None)
    trials = [*of.values(), _of_silence(number, seen, share)]
    # All lines together name nothing: they count where no pattern alone decides.
    if together is not None and not any(trial.side == together.side for trial in trials):
        trials.append(together)
    return _worst(trials, Trial("good", _nothing(number, seen, subject), limit.text))


def _by_weight(found: Iterable[Found]) -> list[Found]:
    """Return patterns with the most lines first; all lines together name nothing, so they come last."""
    return sorted(found, key=lambda one: (one.pattern == ALL, -one.lines, one.pattern))


def _of_pattern(number: NumberLimit, one: Found, subject: Subject) -> Trial:
    lines = f"{one.lines} lines in {one.episodes} episodes"
    against = "" if one.other_lines is None else f" against {one.other_lines} lines at the baseline"
    name = one.pattern if one.pattern == ALL else f'pattern "{_short(one.pattern)}"'
    named = replace(subject, what=name, notes=(f"{lines}{against}", f"e.g. {_short(one.example)}"))
    worse = at_once(number, one.worse, named)
    if worse.side == "bad":
        return worse
    kept = at_once(number, one.kept, named)
    return kept if kept.side == "good" else replace(worse, side="open")


def _of_silence(number: NumberLimit, seen: Compared, subject: Subject) -> Trial:
    """Return what is known of a pattern that did not come: whether this bake could have shown it."""
    name = replace(subject, what="a pattern that did not come")
    if number.basis != "times" or seen.other_n is None:
        return at_once(number, seen.never, name)
    # With every episode the candidate's, the chance is (w m / (1 + w m)) ** episodes at a ratio of m.
    never = seen.never
    ratio = number.value * never.exposure_s / never.other_exposure_s if never.other_exposure_s else math.inf
    chance = ratio / (1 + ratio) if math.isfinite(ratio) else 1.0
    needed = (
        math.inf if chance >= 1 else math.ceil(math.log(1 - subject.sure_broken) / math.log(chance)) if chance else 1
    )
    if seen.slots >= needed:
        return at_once(number, seen.never, name)
    length = describe(seen.apart_s, "time")
    room = f"the bake has room for {seen.slots} episodes of {length}"
    text = f"{room}: a new pattern needs {needed} to be surely {number.text}"
    return Trial("open", text, number.text)


def _nothing(number: NumberLimit, seen: Compared, subject: Subject) -> str:
    silence = seen.never.own(subject.confidence)
    most = (
        ""
        if silence is None or silence.high is None
        else f"; unseen ones come less than {describe(silence.high, 'rate')}"
    )
    patterns = sum(one.pattern != ALL for one in seen.found)
    return f"none of {patterns} patterns is {number.text} (n={seen.n}{most})"


def by_statement(limit: Limit, seen: Mapping[str, MeanPair], subject: Subject) -> Trial:
    """Try a limit on each statement of the candidate; one that the baseline never sent keeps no relative limit."""
    number = _usable(limit)
    if number is None:
        return _unfit(limit)
    often = {name: pair for name, pair in seen.items() if not _rare(number, pair, subject.least)}
    new = [name for name, pair in often.items() if number.basis != "absolute" and pair.baseline_n == 0]
    share = replace(subject, alpha=(subject.alpha or 1 - subject.confidence) / max(1, len(often)))
    trials = [
        at_once(number, pair, replace(share, what=f'statement "{_short(name)}"'))
        for name, pair in sorted(often.items(), key=lambda one: -one[1].own_mean.mean_s * one[1].own_mean.calls)
        if name not in new
    ]
    left_out = (
        f", {len(seen) - len(often)} with fewer than {subject.least} calls left out" if len(often) < len(seen) else ""
    )
    text = f"none of {len(often) - len(new)} statements is {number.text}{left_out}"
    if new:
        text = f'{len(new)} statements are new, e.g. "{_short(new[0])}": {number.text} says nothing about them; {text}'
    return _worst(trials, Trial("touched" if new else "good", text, limit.text))


def _rare(number: NumberLimit, pair: MeanPair, least: int) -> bool:
    """Whether a statement is too rare to be judged, and gives no reason to wait for more of it."""
    if pair.n >= least:
        return False
    boundary = number.boundary(pair.baseline)
    return boundary is None or not number.broken_by(pair.own_mean.mean_s, boundary)


def _usable(limit: Limit) -> NumberLimit | None:
    """Return a limit that says how much is too much over the whole window; None for any other."""
    whole = isinstance(limit, NumberLimit) and limit.for_s is None and limit.in_a_row is None
    return limit if isinstance(limit, NumberLimit) and whole and upward(limit) else None


def _unfit(limit: Limit) -> Trial:
    text = f"expected a limit of what is too much, such as > baseline + 1/min or > 2x baseline, got {limit.text!r}"
    return Trial("unfit", text, limit.text)


def _worst(trials: list[Trial], good: Trial) -> Trial:
    """Return the first trial that decides, and how many others are like it; ``good`` where each limit is kept."""
    for side in ("bad", "open"):
        found = [trial for trial in trials if trial.side == side]
        if found:
            more = f"; {len(found) - 1} more like this" if len(found) > 1 else ""
            return replace(found[0], text=found[0].text + more)
    return good


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
