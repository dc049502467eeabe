"""What a process of Locust is told comes through as it was."""

from __future__ import annotations

from dataclasses import replace

from relgate.load.job import Caps, Job, Task
from relgate.load.shape import Shape

JOB = Job(
    "http://127.0.0.1:8000",
    Shape("step", 100, 10, steps=5, each_s=2),
    open_loop=True,
    connections=20,
    caps=Caps(10, 20.0, 30.0, 40),
    users=("a.py", "b.py"),
    replay=(("GET", "/", 2.0),),
    headers=(("X-Api-Key", "sesame"),),
)


def test_a_job_goes_through_a_pipe_and_a_message_unchanged() -> None:
    """Both are JSON values."""
    assert Task.from_json(Task("master", JOB.users, JOB, port=5557, expect=2).to_json()).job == JOB
    assert Job.of_plain(replace(JOB, index=1, of=2).plain()) == replace(JOB, index=1, of=2)


def test_a_job_does_not_show_its_secrets() -> None:
    """Not in a message and not in a traceback."""
    assert "sesame" not in repr(JOB)
