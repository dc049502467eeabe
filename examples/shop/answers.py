"""What the API answers, for its description alone: handlers build plain dictionaries, and tests hold both together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Cents = Annotated[int, Field(ge=0, description="Euro cents, VAT included.")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(min_length=1, max_length=40)]
Count = Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """A JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Error(Answer):
    """Every error."""

    error: Annotated[str, Field(min_length=1, description="What is wrong, for people.")]
    correlation_id: Annotated[str, Field(min_length=1, max_length=128, description="As in X-Correlation-ID.")]


class Product(Answer):
    """An article."""

    id: Annotated[int, Field(ge=1)]
    sku: Annotated[str, Field(max_length=40)]
    name: str
    category: str
    price_cents: Cents
    description: str


class ProductPage(Answer):
    """One page of products."""

    products: Annotated[list[Product], Field(max_length=12)]
    total: Count
    page: Annotated[int, Field(ge=1)]
    page_size: Annotated[int, Field(ge=1)]


class Item(Answer):
    """A product and how many of it."""

    product: Product
    quantity: Annotated[int, Field(ge=1, le=99)]


class Basket(Answer):
    """What the basket in the session cookie holds."""

    items: list[Item]
    total_cents: Cents


class Order(Answer):
    """An order without its lines."""

    ref: Id
    created: Time
    email: str
    total_cents: Cents
    status: Literal["queued", "packed"]


class Orders(Answer):
    """The newest orders."""

    orders: list[Order]


class Token(Answer):
    """A bearer token: a JSON Web Token, HS256."""

    token: Annotated[str, Field(pattern=r"^[\w-]+\.[\w-]+\.[\w-]+$")]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(ge=1, description="Seconds.")]


class Account(Answer):
    """Who somebody is."""

    email: str
    role: Literal["customer", "admin"]


class Accepted(Answer):
    """Taken on; the rest happens in the background."""

    status: Literal["accepted"]


class Document(Answer):
    """An uploaded table: rows is known once it is ready, error once it failed."""

    id: Id
    name: Annotated[str, Field(max_length=120)]
    created: Time
    status: Literal["converting", "ready", "failed"]
    rows: Count | None
    error: str | None


class Documents(Answer):
    """One's own documents, newest first."""

    documents: list[Document]


class Webhook(Answer):
    """Who is told of what."""

    id: Id
    url: str
    event: Literal["order.created"]
    created: Time


class NewWebhook(Webhook):
    """A webhook with the secret that its calls are signed with: shown this once."""

    secret: Annotated[str, Field(min_length=32)]


class Webhooks(Answer):
    """One's own webhooks."""

    webhooks: list[Webhook]


class Call(Answer):
    """What a webhook is sent, signed in X-Shop-Signature."""

    event: Literal["order.created"]
    order: Order
    created: Time


class Version(Answer):
    """What is running."""

    name: Literal["shop"]
    version: str
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    built: Time


class Queue(Answer):
    """Orders that wait, and who packs them."""

    depth: Count
    consumers: Count


class Database(Answer):
    """The pool of connections."""

    pool_size: Count
    pool_in_use: Annotated[int, Field(description="Below zero while the pool is not filled.")]


class Stats(Answer):
    """Figures for whoever has no Prometheus."""

    queue: Queue
    database: Database
    presence: Count


Word = Literal["Healthy", "Degraded", "Down"]


class Health(Answer):
    """System health by component."""

    status: Word
    timestamp: Time
    version: str
    components: dict[str, Word]
    message: str = ""


class Provider(Answer):
    """One service that the shop depends on."""

    status: Word
    latencyMs: Annotated[float, Field(ge=0)]  # noqa: N815  # as its callers know it


class Providers(Answer):
    """Health of what the shop depends on."""

    status: Word
    timestamp: Time
    version: str
    providers: dict[str, Provider]
    message: str = ""


class Monitoring(Answer):
    """Health with nested checks."""

    status: Literal["healthy", "degraded", "down"]
    version: str
    timestamp: Time
    checks: dict[str, dict[str, Any]]
    deployment: dict[str, str]
