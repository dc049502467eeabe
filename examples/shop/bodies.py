"""What the API takes: bodies of requests, checked before a handler sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .web import ACCOUNT_EMAIL, EMAIL, MAX_EMAIL, MAX_PASSWORD, MAX_QUANTITY, MIN_PASSWORD
from .webhooks import ADDRESS, MAX_URL

if TYPE_CHECKING:
    from starlette.types import Message, Receive

MAX_BODY = 100_000
UPLOAD_FRAME = 10_000
"""What the form around an uploaded file may need."""


def _whole(value: object) -> object:
    # To JSON Schema 27.0 is an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class Body(BaseModel):
    """A JSON object without fields that we do not know; a number is no text and no truth value."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LoginBody(Body):
    """Who wants a token."""

    email: str
    password: str = Field(max_length=MAX_PASSWORD)


class AccountBody(Body):
    """A new account."""

    email: Annotated[str, Field(pattern=f"^{ACCOUNT_EMAIL.pattern}$", max_length=MAX_EMAIL)]
    password: str = Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)


class ResetBody(Body):
    """Whose password is to be set anew."""

    email: str = Field(max_length=MAX_EMAIL)


class WebhookBody(Body):
    """Where to tell of what."""

    url: Annotated[str, Field(pattern=f"^{ADDRESS.pattern}$", max_length=MAX_URL)]
    event: Literal["order.created"]


class ItemBody(Body):
    """A product and how many."""

    product_id: Whole = Field(ge=1, le=2**31 - 1)
    quantity: Whole = Field(default=1, ge=0, le=MAX_QUANTITY)


class OrderedBody(ItemBody):
    """A product and how many, at least one."""

    quantity: Whole = Field(default=1, ge=1, le=MAX_QUANTITY)


class OrderBody(Body):
    """A new order."""

    items: Annotated[list[OrderedBody], Field(min_length=1, max_length=50)]
    email: Annotated[str, Field(pattern=f"^{EMAIL.pattern}$")]
    name: str = Field(default="", max_length=120)
    address: str = Field(default="", max_length=500)


BodyT = TypeVar("BodyT", bound=Body)


async def read_body(request: Request, kind: type[BodyT]) -> BodyT:
    """Return the JSON body. Raises 413 when it is too long and 422 naming what is wrong with it."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise HTTPException(413, f"expected at most {MAX_BODY} bytes")
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        faults = ("{}: {}".format(".".join(map(str, fault["loc"])) or "body", fault["msg"]) for fault in error.errors())
        raise HTTPException(422, "; ".join(faults)) from None


async def read_upload(request: Request, most: int) -> tuple[str, bytes]:
    """Return name and content of the file in the form's field ``file``.

    Raises 413 when it is longer than ``most`` bytes, as soon as that is known, 400 for a broken form, 422 without file.
    """
    too_long = HTTPException(413, f"expected at most {most} bytes")
    limited = Request(request.scope, _limited(request.receive, most + UPLOAD_FRAME, too_long))
    async with limited.form(max_files=1, max_fields=1) as form:
        upload = form.get("file")
        # Without a name it counts as text, which a table is as well.
        content = await upload.read() if isinstance(upload, UploadFile) else (upload or "").encode()
        name = (upload.filename if isinstance(upload, UploadFile) else "") or "table.csv"
        if len(form) != 1 or not content:
            raise HTTPException(422, "file: expected a file that is not empty, and nothing else")
    if len(content) > most:
        raise too_long
    return name, content


def _limited(receive: Receive, most: int, too_long: HTTPException) -> Receive:
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise too_long
        return message

    return receive_limited
