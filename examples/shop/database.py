"""The shop's tables and every question put to them. Synchronous; the web side calls it in its thread pool.

SQLite (one file per instance, or one shared by several) or PostgreSQL. Money is euro cents, times are RFC 3339.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateTable

from . import seed
from .auth import hash_password
from .seed import Product
from .tables import accounts, desk, metadata, order_lines, orders, products, schema_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SCHEMA_VERSION = 7
PAGE_SIZE = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A product and how many of it."""

    product: Product
    quantity: int

    @property
    def total_cents(self) -> int:
        """Price times quantity."""
        return self.product.price_cents * self.quantity


@dataclass(frozen=True, slots=True)
class Order:
    """An order without its lines."""

    ref: str
    created: str
    email: str
    name: str
    address: str
    total_cents: int
    status: str


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can log in; ``password`` is a salted hash."""

    email: str
    password: str
    role: str


def _columns_of(table: sa.Table, value: type) -> list[sa.Column[object]]:
    # By name, never SELECT *: the database may be that of the next release, which has more.
    return [table.c[field.name] for field in fields(value)]


PRODUCT, ORDER, ACCOUNT = _columns_of(products, Product), _columns_of(orders, Order), _columns_of(accounts, Account)


def now() -> str:
    """Return the present as RFC 3339 with milliseconds, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def connect(url: str) -> sa.Engine:
    """Return an engine with a pool of 10 connections. Raises ModuleNotFoundError when a driver is missing."""
    engine = sa.create_engine(url, poolclass=QueuePool, pool_size=10, max_overflow=5, pool_timeout=5)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def watch_statements(engine: sa.Engine, told: Callable[[str, float], None]) -> None:
    """Tell ``told`` each statement that was executed, without its values, and the seconds that it took."""

    def begin(*event: Any) -> None:
        *_, context, _ = event
        context.shop_begun = time.perf_counter()

    def end(*event: Any) -> None:
        _, _, text, _, context, _ = event
        told(" ".join(text.split()), time.perf_counter() - context.shop_begun)

    sa.event.listen(engine, "before_cursor_execute", begin)
    sa.event.listen(engine, "after_cursor_execute", end)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.create_function("pg_sleep", 1, time.sleep)  # As PostgreSQL has it: for releases that wait in it.
    cursor = connection.cursor()
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "foreign_keys=ON", "synchronous=OFF"):
        # No fsync: a demo's orders need not outlive a power cut, and disks would blur the latencies.
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Store:
    """All reading and writing. Safe to use from several threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # SQLite lets one connection write; waiting here is fair and quick, its own retries sleep for milliseconds.
        self._writing = threading.Lock() if engine.dialect.name == "sqlite" else contextlib.nullcontext()

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Yield a connection that may write: everything is stored at the end, or nothing after an exception."""
        with self._writing, self.engine.begin() as connection:
            yield connection

    def prepare(self) -> None:
        """Create tables and seed data where they are missing. Several instances may do so at the same time."""
        if self.engine.dialect.name == "postgresql":
            from .migrations import to_newest  # Alembic is only needed here

            to_newest(self.engine)
        else:
            self._create(metadata)
        self._create(desk)
        # IntegrityError: another instance that shares the database was quicker, with the same rows.
        with contextlib.suppress(sa.exc.IntegrityError), self.write() as connection:
            if connection.scalar(sa.select(schema_info.c.version)) is None:
                connection.execute(schema_info.insert().values(version=SCHEMA_VERSION))
                connection.execute(products.insert(), [_columns(product) for product in seed.products()])
                for email, password, role in (seed.ADMIN, seed.CUSTOMER):
                    values = {"email": email, "password": hash_password(password), "role": role}
                    connection.execute(accounts.insert().values(values))

    def _create(self, wanted: sa.MetaData) -> None:
        for table in wanted.sorted_tables:
            # PostgreSQL: of two instances that create the same table at once, one gets an IntegrityError.
            with contextlib.suppress(sa.exc.IntegrityError), self.write() as connection:
                connection.execute(CreateTable(table, if_not_exists=True))

    def schema_version(self) -> int | None:
        """Return the installed version of the schema, None when there is none."""
        with self.engine.connect() as connection:
            version: int | None = connection.scalar(sa.select(sa.func.max(schema_info.c.version)))
            return version

    def search(self, text: str = "", page: int = 1) -> tuple[list[Product], int]:
        """Products whose name, category or description contains ``text``: one page of 12, and how many there are."""
        query = sa.select(*PRODUCT)
        for word in text.split()[:8]:
            columns = (products.c.name, products.c.category, products.c.description)
            query = query.where(sa.or_(*(column.icontains(word, autoescape=True) for column in columns)))
        with self.engine.connect() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
            rows = connection.execute(query.order_by(products.c.id).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE))
            return [Product(**row._mapping) for row in rows], total  # noqa: SLF001  # SQLAlchemy's public name

    def wait(self, wait_s: float) -> None:
        """Wait in the database, as for a lock that somebody holds."""
        with self.engine.connect() as connection:
            connection.execute(sa.select(sa.func.pg_sleep(wait_s)))

    def lines(self, quantities: dict[int, int]) -> list[Line]:
        """Return the products of a basket (id -> quantity) that exist, in the order of their ids."""
        query = sa.select(*PRODUCT).where(products.c.id.in_(quantities)).order_by(products.c.id)
        with self.engine.connect() as connection:
            found = [Product(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001
        return [Line(product, quantities[product.id]) for product in found]

    def add_order(self, order: Order, lines: Sequence[Line]) -> None:
        """Store an order with its lines, all or nothing."""
        rows = [
            {
                "ref": order.ref,
                "product_id": line.product.id,
                "name": line.product.name,
                "price_cents": line.product.price_cents,
                "quantity": line.quantity,
            }
            for line in lines
        ]
        with self.write() as connection:
            connection.execute(orders.insert().values({column.name: getattr(order, column.name) for column in ORDER}))
            connection.execute(order_lines.insert(), rows)

    def set_status(self, ref: str, status: str) -> None:
        """Change the status of an order."""
        with self.write() as connection:
            connection.execute(orders.update().where(orders.c.ref == ref).values(status=status))

    def order(self, ref: str) -> Order | None:
        """Return the order with this reference."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(*ORDER).where(orders.c.ref == ref)).one_or_none()
            return Order(**row._mapping) if row else None  # noqa: SLF001

    def orders(self, email: str | None = None, status: str | None = None, limit: int = 100) -> list[Order]:
        """Return the newest orders, of one customer or in one status where asked."""
        query = sa.select(*ORDER).order_by(orders.c.created.desc(), orders.c.ref).limit(limit)
        if email is not None:
            query = query.where(orders.c.email == email)
        if status is not None:
            query = query.where(orders.c.status == status)
        with self.engine.connect() as connection:
            return [Order(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001

    def remove_order(self, ref: str) -> bool:
        """Remove an order with its lines; False when there is none."""
        with self.write() as connection:
            connection.execute(order_lines.delete().where(order_lines.c.ref == ref))
            return bool(connection.execute(orders.delete().where(orders.c.ref == ref)).rowcount)

    def account(self, email: str) -> Account | None:
        """Return the account with this e-mail address."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(*ACCOUNT).where(accounts.c.email == email)).one_or_none()
            return Account(**row._mapping) if row else None  # noqa: SLF001

    def add_account(self, account: Account) -> bool:
        """Store a new account; False when the address is taken."""
        values = {"email": account.email, "password": account.password, "role": account.role}
        try:
            with self.write() as connection:
                connection.execute(accounts.insert().values(values))
        except sa.exc.IntegrityError:
            return False
        return True

    def set_password(self, email: str, password: str) -> None:
        """Store another password (a salted hash) for an account."""
        with self.write() as connection:
            connection.execute(accounts.update().where(accounts.c.email == email).values(password=password))

    def import_products(self, imported: Sequence[Product]) -> tuple[int, int]:
        """Add products, or replace those with the same SKU: how many were added and how many replaced."""
        with self.write() as connection:
            known = set(connection.scalars(sa.select(products.c.sku)))
            for product in imported:
                if product.sku in known:
                    connection.execute(products.update().where(products.c.sku == product.sku).values(_columns(product)))
                else:
                    connection.execute(products.insert().values(_columns(product)))
        replaced = sum(product.sku in known for product in imported)
        return len(imported) - replaced, replaced

    def pool(self) -> tuple[int, int]:
        """How many connections the pool holds at most, and how many are in use."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.size(), pool.checkedout()


def _columns(product: Product) -> dict[str, object]:
    values = {name: getattr(product, name) for name in ("sku", "name", "category", "price_cents", "description")}
    return {**values, "slug": seed.slug(product)}
