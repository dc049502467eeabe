"""Users of a load: those of ordinary locustfiles, told where to go and how, or one that replays a profile."""

from __future__ import annotations

import random
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locust import FastHttpUser, HttpUser, constant, task
from locust.util.load_locustfile import load_locustfile

from relgate.load import guard

if TYPE_CHECKING:
    from locust.user.users import User

    from relgate.load.job import Job


class Replay(FastHttpUser):
    """Sends the requests of a profile, each as often as its weight says."""

    wait_time = constant(1)
    requests: tuple[tuple[str, str, float], ...] = ()

    @task
    def ask(self) -> None:
        """Send one of them."""
        weights = [weight for _, _, weight in self.requests]
        method, path, _ = random.choices(self.requests, weights)[0]
        # Without the query: a name for each value would be a table of names.
        self.client.request(method, path, name=path.partition("?")[0])


def load(paths: tuple[str, ...]) -> list[type[User]]:
    """Return the user classes of locustfiles; the one that replays where there are none.

    Raises:
        ValueError: a file is missing, or has no user with a task.

    """
    if not paths:
        return [Replay]
    found: dict[str, type[User]] = {}
    for path in paths:
        if not Path(path).is_file():
            raise ValueError(f"{path}: there is no such locustfile")
        loaded = load_locustfile(path)
        classes = next(one for one in loaded if isinstance(one, dict))
        found.update(classes)
    usable = [one for one in found.values() if one.tasks]
    if not usable:
        raise ValueError(f"{', '.join(paths)}: no class of users with a task in it")
    return usable


def equip(classes: list[type[User]], job: Job) -> None:
    """Give all users the job's host, headers and limits of time."""
    Replay.requests = job.replay
    headers = dict(job.headers)
    for one in classes:
        one.host = job.host
        if issubclass(one, FastHttpUser):
            one.default_headers = {**(one.default_headers or {}), **headers}
            one.connection_timeout = one.network_timeout = job.timeout_s
            one.insecure = not job.verify
            if job.verify and job.ca is not None:
                one.ssl_context_factory = staticmethod(lambda ca=job.ca: ssl.create_default_context(cafile=ca))
        elif issubclass(one, HttpUser):
            _equip_slow(one, job)
    if job.only_safe:
        from locust.clients import HttpSession
        from locust.contrib.fasthttp import FastHttpSession

        for session in (HttpSession, FastHttpSession):
            session.request = guard.only_safe(session.request)  # type: ignore[method-assign]


def _equip_slow(one: Any, job: Job) -> None:
    made = one.__init__

    def init(self: Any, *args: Any, **options: Any) -> None:
        made(self, *args, **options)
        self.client.headers.update(dict(job.headers))
        self.client.verify = (job.ca or True) if job.verify else False
        ask = self.client.request

        def request(method: str, url: str, *more: Any, **given: Any) -> Any:
            given.setdefault("timeout", job.timeout_s)
            return ask(method, url, *more, **given)

        self.client.request = request

    one.__init__ = init
