"""Real-time priority while the stop-watch runs: on a busy machine it must not wait until a test suite yields.

Every thread of the recorder gets it, since the prober can only run when whoever holds the interpreter's lock does; the
prober stands one above the rest, because among equals one waits until the other sleeps. The recorder sleeps most of the
time, and Linux leaves 5 % of each second to others whatever a real-time process does. Where it is not allowed (it
takes CAP_SYS_NICE or RLIMIT_RTPRIO) the recorder is an ordinary process, and its lag says whether that was enough.
"""

from __future__ import annotations

import os

OTHERS = 1
PROBER = 2


def hurry(level: int) -> bool:
    """Give the calling thread, and threads that it starts, real-time priority; returns whether that was allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(level))
    except OSError:
        return False
    return True


def relax() -> None:
    """Make the calling thread an ordinary one again."""
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        return
