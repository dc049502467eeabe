"""The command line of the shop: one worker, one port, until SIGTERM or SIGINT; both end it cleanly with code 0."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from . import logs
from .app import create_app
from .behaviours import override
from .config import Settings, address, web_address
from .database import now
from .releases import RELEASES

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger("shop")

DEMO_SECRET = "demo-secret-set-SHOP_SECRET"
DEFAULT_VERSION = "1.5.0"


def parser() -> argparse.ArgumentParser:
    """All options, with their defaults."""
    options = argparse.ArgumentParser(prog="shop", description="A small web shop with good and bad releases.")
    add = options.add_argument
    add("--release", default="good", metavar="NAME", help="which release to be (default: good)")
    add("--list-releases", action="store_true", help="print all releases and end")
    add("--version", default=DEFAULT_VERSION, metavar="X", help=f"the version it is (default: {DEFAULT_VERSION})")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=int, default=8000, help="port to listen on, 0 for a free one (default: 8000)")
    add(
        "--database",
        metavar="URL",
        help="sqlite:///FILE or postgresql+psycopg://...; default: a file that goes with it",
    )
    add("--log", type=Path, metavar="FILE", help="append JSON logs to FILE (default: standard output)")
    add("--seed", type=int, metavar="N", help="seed of its random draws (default: another one every time)")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="change one behaviour of the release")
    add("--smtp", metavar="HOST:PORT", help="relay that mails are sent through (default: none, mails are not sent)")
    add("--public-url", metavar="URL", help="what links in mails begin with (default: the address it listens on)")
    add("--environment", default="demo", help="name of the environment, shown in health (default: demo)")
    add("--ready-file", type=Path, metavar="FILE", help="write {url, port, pid} as JSON to FILE once it listens")
    add("--with-parent", action="store_true", help="end when the process that started it ends")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the shop. Returns 0 after an orderly end, 2 for a wrong option or a database that is not there."""
    options = parser().parse_args(arguments)
    if options.list_releases:
        for name, release in RELEASES.items():
            print(f"{name:<30} {release.description}")
        return 0
    if options.release not in RELEASES:
        print(f"shop: no release {options.release!r}; there are {', '.join(RELEASES)}", file=sys.stderr)
        return 2
    # Before uvicorn takes over and after it has let go, SIGTERM is an orderly end too: it raises the signal again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="shop-") as folder:
        try:
            _serve(options, Path(folder))
        except ModuleNotFoundError as error:
            print(f'shop: --database needs a driver: {error}; pip install "psycopg[binary]"', file=sys.stderr)
            return 2
        except (ValueError, OSError, SQLAlchemyError) as error:
            # SQLAlchemy adds lines of advice to what the driver said.
            print(f"shop: {str(error).splitlines()[0]}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            pass
    return 0


def _serve(options: argparse.Namespace, folder: Path) -> None:
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer waits 40 ms for an ACK.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((options.host, options.port))
        settings = _settings(options, folder, "http://{}:{}".format(*listening.getsockname()))
        logs.configure(options.log)
        config = uvicorn.Config(
            create_app(settings),
            http="h11",
            ws="websockets-sansio",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips="127.0.0.1",
            timeout_graceful_shutdown=3,
            timeout_keep_alive=75,  # longer than clients and proxies keep theirs: closing first would lose requests
            backlog=512,
        )
        server = Server(config, options.ready_file, options.with_parent, settings)
        server.run(sockets=[listening])


def _settings(options: argparse.Namespace, folder: Path, own_url: str) -> Settings:
    return Settings(
        release=options.release,
        behaviours=override(RELEASES[options.release].behaviours, options.set),
        version=options.version,
        built=datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC).isoformat(timespec="seconds"),
        deployed_at=now(),
        database=options.database or f"sqlite:///{folder / 'shop.db'}",
        data_dir=folder,
        secret=os.environ.get("SHOP_SECRET", DEMO_SECRET),
        seed=options.seed,
        environment=options.environment,
        public_url=web_address(options.public_url or own_url),
        smtp=address(options.smtp) if options.smtp else None,
    )


class Server(uvicorn.Server):
    """uvicorn that says when it listens, and can end with its parent."""

    def __init__(self, config: uvicorn.Config, ready_file: Path | None, with_parent: bool, settings: Settings) -> None:  # noqa: FBT001
        super().__init__(config)
        self._ready_file = ready_file
        self._parent = os.getppid() if with_parent else None
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then tell."""
        await super().startup(sockets)
        assert sockets
        host, port = sockets[0].getsockname()[:2]
        told = {"url": f"http://{host}:{port}", "port": port, "pid": os.getpid()}
        log.info("listening", extra={"facts": told | {"version": self._settings.reported_version}})
        if self._ready_file:
            # Renamed into place: whoever waits for the file never reads half of it.
            partial = self._ready_file.with_suffix(".part")
            partial.write_text(json.dumps(told), encoding="utf-8")
            partial.rename(self._ready_file)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; uvicorn asks ten times a second."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return await super().on_tick(counter) or orphaned
