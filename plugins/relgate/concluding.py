"""The moment when a smoke path is concluded: looked at a last time, cleaned up after, and judged.

A path is a gate: its verdict rides on the report of its test's call. So it is concluded in that phase, before fixtures
are taken down.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.fixtures import GateJudge
    from relgate.values import Finding, Findings
    from relgate.walking import SmokePath

PATH: pytest.StashKey[SmokePath | None] = pytest.StashKey()
JUDGE: pytest.StashKey[GateJudge] = pytest.StashKey()


@contextmanager
def concluding(item: pytest.Item) -> Iterator[None]:
    """Surround the call of a test: what a path raises outside of a step counts too, and at its end it is judged."""
    from relgate.walking import NOT_OURS

    walked = item.stash.get(PATH, None)
    if walked is None:
        yield
        return
    try:
        yield
    except (*NOT_OURS, pytest.skip.Exception):
        raise
    except BaseException as error:
        walked.blame(error)
        # Its own traceback tells more than the verdict's line, which rides on the report anyway.
        with suppress(pytest.fail.Exception):
            conclude(walked)
        raise
    conclude(walked)


def conclude(walked: SmokePath) -> None:
    """Look, remove, keep, judge; the test fails unless the verdict is pass or warn."""
    from relgate.collector import RESULT
    from relgate.smoke.outcomes import Outcome
    from relgate.smoke.pages import shown, vitals

    walked.concluded = True
    found = _found(walked)
    files = _evidence(walked, found)
    measured = vitals(walked.pages.seen) if walked.pages is not None else {}
    remark = ", ".join([f"{walked.now_s():.1f} s", *(shown(name, value) for name, value in sorted(measured.items()))])
    try:
        walked.item.stash[JUDGE].judge(walked.gate, found, files=files, remark=remark)
    finally:
        result = walked.item.stash.get(RESULT, None)
        if result is not None:
            walked.outcomes.end(walked.gate, Outcome(result.verdict.value, result.message))


def _found(walked: SmokePath) -> Findings:
    """Return everything that was found on a path, its pages included."""
    from relgate.smoke.pages import allowed, judge, starved

    more: list[Finding] = []
    problems: list[str] = []
    if walked.pages is not None:
        if not walked.walk.findings and not walked.walk.problems:
            walked.pages.settle()
        seen = walked.pages.seen
        problems += seen.problems
        if seen.refused:
            # What a page says after a request of it was not sent is our doing.
            problems += [text for text in dict.fromkeys(seen.refused) if text not in walked.walk.problems]
        else:
            more += judge(walked.gate, seen, walked.policy, walked.targets.candidate)
            problems += [*starved(seen, walked.policy), *_unwatched(walked)]
    elif "page" in getattr(walked.item, "fixturenames", ()) and not walked.walk.problems:
        problems.append("the `page` of another plugin was used, which nobody watches: run with -p no:playwright")
    more += _leftovers(walked)
    clean = walked.clean
    found = walked.walk.result(allowed(tuple(more), walked.policy), tuple(problems))
    findings = tuple(replace(one, what=clean.text(one.what)) for one in found.findings)
    return replace(found, findings=findings, problems=tuple(map(clean.text, found.problems)))


def _unwatched(walked: SmokePath) -> list[str]:
    """Return what should have been measured and was not: nothing that is missing passes."""
    pages = walked.pages
    if pages is None or "vitals" in walked.policy.without or not pages.seen.documents:
        return []
    if walked.walk.findings or any(one.vital == "lcp" for one in pages.seen.measured):
        return []
    return ["no page told its largest contentful paint: is anything shown?"]


def _leftovers(walked: SmokePath) -> list[Finding]:
    """Remove what a path created, newest first; return what could not be removed, as findings."""
    from relgate.smoke.faults import finding

    return [finding(walked.gate, "not-undone", why) for why in walked.undo_all()]


def _evidence(walked: SmokePath, found: Findings) -> tuple[str, ...]:
    """Keep what tells how the path went: a few lines where all is well, everything where it is not."""
    from relgate.codec import sha256

    bad = bool(found.problems) or any(one.blocks for one in found.findings) or found.checked < found.expected
    clean = walked.clean
    walked.folder.mkdir(parents=True, exist_ok=True)
    notes = [*found.notes, *(walked.keep() if bad else [])]
    document = {
        "gate": walked.gate,
        "steps": walked.walk.document(),
        "findings": [{"code": one.code, "what": one.what, "blocks": one.blocks} for one in found.findings],
        "problems": list(found.problems),
        "notes": notes,
        "pages": walked.told(),
    }
    if bad and not list(walked.folder.glob("screenshot-*.png")):
        notes += walked.draw(clean.json(document))
    text = json.dumps(clean.json(document), indent=1)
    (walked.folder / "path.json").write_text(text + "\n", encoding="utf-8")
    kept = [one for one in sorted(walked.folder.iterdir()) if one.is_file()]
    if walked.item.config.pluginmanager.has_plugin("allure_listener"):
        from relgate.adapters.allure import attach

        attach(kept)
    return tuple(sha256(one.read_bytes()) for one in kept)
