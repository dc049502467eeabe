"""Tests that ``/openapi.json`` is what the shop really does: routes, answers, errors, links."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest
from starlette.routing import Route

from examples.shop.app import ROUTES
from examples.shop.seed import ADMIN
from tests.shop.traffic import NO_TLS, ORDER, sign_in, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.shop.run import ShopProcess

NO_METHODS = {"HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def document(good: ShopProcess) -> dict[str, Any]:
    """Return the document that the good shop serves."""
    answer = httpx.get(good.url + "/openapi.json", verify=NO_TLS)
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _schema(document: dict[str, Any], answer: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    schema: dict[str, Any] = answer["content"][kind]["schema"]
    return schema | {"components": document["components"]}


class Checked:
    """A client that holds every answer against the document, and remembers which operation answered what."""

    def __init__(self, client: httpx.Client, document: dict[str, Any]) -> None:
        self._client = client
        self._document = document
        self.seen: set[tuple[str, int]] = set()
        for path in document["paths"]:
            assert path.startswith("/api/")
        self._paths = [(re.compile(re.sub(r"{\w+}", "[^/]+", path) + "$"), path) for path in document["paths"]]

    def __call__(self, method: str, path: str, status: int, **options: Any) -> httpx.Response:
        """Return the answer, which has this status and is as documented."""
        answer = self._client.request(method, path, **options)
        assert answer.status_code == status, answer.text
        # The path without a parameter comes first: no operation of the shop's is hidden by another one.
        matching = (template for pattern, template in self._paths if pattern.match(answer.request.url.path))
        template = min(matching, key=lambda template: "{" in template)
        operation = self._document["paths"][template][method.lower()]
        self.seen.add((operation["operationId"], status))
        documented = operation["responses"][str(status)]
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if "content" not in documented:
            assert answer.content == b""
        elif kind == "application/json":
            checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
            jsonschema.validate(answer.json(), _schema(self._document, documented), format_checker=checker)
        else:
            assert kind in documented["content"]
        assert 0 < len(answer.headers["x-correlation-id"]) <= 128
        if status >= 400:
            assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]
        if "Location" in documented["headers"]:
            assert answer.headers["location"].startswith("/api/")
        return answer


def test_every_route_of_the_api_is_described_and_no_other(document: dict[str, Any]) -> None:
    """Paths and methods of the document are those of the application."""
    routes = {
        (method.lower(), re.sub(r"{(\w+)(:\w+)?}", r"{\1}", route.path))
        for route in ROUTES
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in (route.methods or {"GET"}) - NO_METHODS
    }
    assert {(method, path) for method, path, _ in _operations(document)} == routes


def test_the_document_is_well_formed(document: dict[str, Any]) -> None:
    """OpenAPI 3.1; unique ids; parameters of paths; references, links and security schemes that exist; good schemas."""
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == "1.5.0"
    operations = {operation["operationId"]: (path, operation) for _, path, operation in _operations(document)}
    assert len(operations) == sum(1 for _ in _operations(document))
    for path, operation in operations.values():
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))
        for scheme in operation.get("security", []):
            assert set(scheme) <= set(document["components"]["securitySchemes"])
        for answer in operation["responses"].values():
            assert answer["description"]
            for link in answer.get("links", {}).values():
                _, target = operations[link["operationId"]]
                assert set(link["parameters"]) <= {p["name"] for p in target["parameters"]}
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        found: Any = document
        for part in reference.split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_error_has_the_documented_body(document: dict[str, Any]) -> None:
    """Each status from 400 on has the one schema; health keeps its own for 503."""
    for _, _, operation in _operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and status != "503":
                assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
                assert "X-Correlation-ID" in answer["headers"]


def test_answers_are_as_described(document: dict[str, Any], somebody: httpx.Client) -> None:
    """Every operation succeeds once, and every documented error is provoked once but those named below."""
    call = Checked(somebody, document)
    admin = sign_in(somebody, *ADMIN[:2])
    nobody = {"Authorization": "Bearer nonsense"}
    _goods(call)
    _orders(call, somebody, admin, nobody)
    _desk(call, somebody, nobody)
    _accounts(call, admin, nobody)
    for path in ("version", "stats", "health/system", "health/ready", "health/providers"):
        call("GET", f"/api/{path}", 200)
    call("GET", "/api/v1/monitoring/health/detailed", 200)
    documented = {
        (operation["operationId"], int(status))
        for _, _, operation in _operations(document)
        for status in operation["responses"]
        if status != "503"  # release `down` is in test_health.py
    }
    full = {("createDocument", 409), ("createWebhook", 409)}  # in test_documents.py and test_webhooks.py
    assert documented - call.seen == full


def _goods(call: Checked) -> None:
    call("GET", "/api/products?page=2", 200)
    call("GET", "/api/products?page=" + "9" * 5000, 200)
    call("GET", "/api/search?q=steel&page=nonsense", 200)
    call("GET", "/api/products/1", 200)
    call("GET", "/api/products/999999999", 404)
    call("GET", "/api/basket", 200)
    call("POST", "/api/basket", 200, json={"product_id": 1, "quantity": 2})
    call("POST", "/api/basket", 404, json={"product_id": 2**31 - 1})
    call("POST", "/api/basket", 422, json={"product_id": 2**31})
    call("POST", "/api/basket", 413, content=b" " * 200_000)
    call("DELETE", "/api/basket", 200)


def _orders(call: Checked, client: httpx.Client, admin: dict[str, str], nobody: dict[str, str]) -> None:
    mine = call("POST", "/api/orders", 202, json=ORDER | {"email": client.get("/api/me").json()["email"]}).json()
    other = call("POST", "/api/orders", 202, json=ORDER).json()
    call("POST", "/api/orders", 422, json={})
    call("POST", "/api/orders", 404, json=ORDER | {"items": [{"product_id": 2**31 - 1}]})
    call("POST", "/api/orders", 413, content=b" " * 200_000)
    for kind in ("json", "csv", "xlsx"):
        call("GET", f"/api/orders?format={kind}", 200)
    call("GET", "/api/orders?format=pdf", 422)
    call("GET", "/api/orders", 401, headers=nobody)
    call("GET", f"/api/orders/{mine['ref']}", 200)
    call("DELETE", f"/api/orders/{mine['ref']}", 401, headers=nobody)
    call("DELETE", f"/api/orders/{other['ref']}", 403)
    call("DELETE", f"/api/orders/{mine['ref']}", 204)
    call("DELETE", f"/api/orders/{mine['ref']}", 404)
    call("GET", f"/api/orders/{mine['ref']}", 404)
    call("DELETE", f"/api/orders/{other['ref']}", 204, headers=admin)


def _desk(call: Checked, client: httpx.Client, nobody: dict[str, str]) -> None:
    path = "/api/documents"
    made = call("POST", path, 202, files={"file": ("a.csv", b"a\n1\n")}).json()["id"]
    failed = call("POST", path, 202, files={"file": ("a.csv", b"\n")}).json()["id"]
    call("POST", path, 413, files={"file": ("a.csv", b"a" * 2_000_000)})
    call("POST", path, 422, files={"file": ("a.csv", b"")})
    call("POST", path, 400, content=b"--y\r\n", headers={"Content-Type": "multipart/form-data"})
    for id_ in (made, failed):
        wait_for(lambda id_=id_: client.get(f"{path}/{id_}").json()["status"] != "converting")  # type: ignore[misc]
        call("GET", f"{path}/{id_}", 200)
    call("GET", path, 200)
    call("GET", f"{path}/{made}/file", 200)
    call("GET", f"{path}/{failed}/file", 409)
    hooks = "/api/webhooks"
    body = {"url": "https://receiver.example", "event": "order.created"}
    hook = call("POST", hooks, 201, json=body).json()["id"]
    call("POST", hooks, 422, json=body | {"url": "http://receiver.example"})
    call("POST", hooks, 413, content=b" " * 200_000)
    call("GET", hooks, 200)
    call("GET", f"{hooks}/{hook}", 200)
    for method, at in (("GET", hooks), ("POST", hooks), ("GET", path), ("POST", path)):
        call(method, at, 401, headers=nobody)
    for at in (f"{hooks}/{hook}", f"{path}/{made}"):
        for method, status in (("GET", 401), ("DELETE", 401)):
            call(method, at, status, headers=nobody)
        call("DELETE", at, 204)
        call("DELETE", at, 404)
        call("GET", at, 404)
    call("GET", f"{path}/{made}/file", 404)
    call("GET", f"{path}/{made}/file", 401, headers=nobody)


def _accounts(call: Checked, admin: dict[str, str], nobody: dict[str, str]) -> None:
    email, password = "described@shop.example", "a long password"
    body = {"email": email, "password": password}
    for method in ("GET", "DELETE"):
        call(method, "/api/me", 401, headers=nobody)
    call("GET", "/api/me", 200)
    call("DELETE", "/api/me", 409, headers=admin)
    call("POST", "/api/accounts", 201, json=body)
    call("POST", "/api/accounts", 409, json=body)
    call("POST", "/api/accounts", 422, json=body | {"password": "short"})
    call("POST", "/api/accounts", 413, content=b" " * 200_000)
    call("POST", "/api/login", 200, json=body)
    call("POST", "/api/login", 401, json=body | {"password": "wrong"})
    call("POST", "/api/login", 422, json={})
    call("POST", "/api/login", 413, content=b" " * 200_000)
    call("DELETE", f"/api/accounts/{email}", 401, headers=nobody)
    call("DELETE", f"/api/accounts/{email}", 403)
    call("DELETE", f"/api/accounts/{ADMIN[0]}", 409, headers=admin)
    call("DELETE", f"/api/accounts/{email}", 204, headers=admin)
    call("DELETE", f"/api/accounts/{email}", 404, headers=admin)
    call("POST", "/api/password-reset", 202, json={"email": email})
    call("POST", "/api/password-reset", 422, json={})
    call("POST", "/api/password-reset", 413, content=b" " * 200_000)
    call("DELETE", "/api/me", 204)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/api/products", "/api/me", "/api/documents/x", "/api/nothing", "/api/products/x"])
def test_unknown_paths_and_wrong_methods_have_the_same_body(
    document: dict[str, Any], client: httpx.Client, method: str, path: str
) -> None:
    """404 and 405, and 405 says what is allowed: exactly the methods that are described."""
    answer = client.request(method, path)
    if answer.status_code < 400:
        return
    jsonschema.validate(answer.json(), document["components"]["schemas"]["Error"])
    if answer.status_code == 405:
        template = path.replace("/x", "/{id}")
        described = {known.upper() for known in document["paths"][template]} | {"HEAD"}
        assert set(answer.headers["allow"].split(", ")) == described


def test_an_order_from_elsewhere_has_the_documented_body(document: dict[str, Any], client: httpx.Client) -> None:
    """403 for a browser on a page of another site."""
    answer = client.post("/api/orders", json=ORDER, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    jsonschema.validate(answer.json(), document["components"]["schemas"]["Error"])
