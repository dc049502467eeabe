"""Who is told about a release, and when: ``notify:`` of a policy.

``notify: {team: {to: env:CHAT_URL, on: [before, after, trouble]}}``. An address is a secret: it is named by reference
only. Each event is told once for a state: a hold that is judged again and held again is no news.

| event   | when                                                                           |
|---------|--------------------------------------------------------------------------------|
| before  | a run of a stage begins                                                        |
| during  | the bake is ended early: a gate has failed beyond doubt                        |
| after   | a decision is recorded, and differs from the one before it for this release    |
| trouble | the same, for a hold or a rollback; a decision that could not be recorded       |
"""

from __future__ import annotations

from typing import Literal, get_args

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import Key, ListOf, Record, Words

Event = Literal["before", "during", "after", "trouble"]
EVENTS: tuple[Event, ...] = get_args(Event)


class Audience(Frozen):
    """People who are told the same. ``to``: references to addresses; ``stages``: only these, all where empty."""

    name: str
    to: tuple[str, ...]
    on: tuple[Event, ...] = ("trouble",)
    stages: tuple[str, ...] = ()


AUDIENCE = Record(
    "an audience",
    (
        Key(
            "to",
            ListOf(texts.SECRET),
            "addresses of Apprise (mailto://, slack://, json://), by reference",
            required=True,
        ),
        Key("on", ListOf(Words(EVENTS)), "what they are told: before, during, after, trouble", "trouble"),
        Key("stages", ListOf(texts.LABEL), "only these stages", "all"),
    ),
)
