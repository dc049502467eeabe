"""Tests of accounts over the API and the pages: made, used, forgotten, removed."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import httpx
import jwt
import pytest

from examples.shop.account_pages import AFTER_LOGIN
from examples.shop.run import start
from examples.shop.seed import ADMIN, CUSTOMER
from tests.shop.traffic import NO_TLS, ORDER, MailSink, get, logged, sign_in, wait_for

if TYPE_CHECKING:
    from examples.shop.run import ShopProcess

PASSWORD = "a long password"


def _new(client: httpx.Client) -> str:
    email = f"{uuid.uuid4().hex[:12]}@shop.example"
    assert client.post("/api/accounts", json={"email": email, "password": PASSWORD}).status_code == 201
    return email


def test_an_account_is_made_used_and_removed(client: httpx.Client) -> None:
    """Registered once, known by its token, and gone with all that belongs to it."""
    email = _new(client)
    again = client.post("/api/accounts", json={"email": email.upper(), "password": PASSWORD})
    assert again.status_code == 409
    token = sign_in(client, email, PASSWORD)
    assert client.get("/api/me", headers=token).json() == {"email": email, "role": "customer"}
    # The case of an address does not make another person of it.
    order = client.post("/api/orders", json=ORDER | {"email": email.title()}).json()
    document = client.post("/api/documents", headers=token, files={"file": ("a.csv", b"a\n1\n")}).json()
    webhook = client.post("/api/webhooks", headers=token, json={"url": "https://a.example", "event": "order.created"})
    assert client.delete("/api/me", headers=token).status_code == 204
    assert client.get(f"/api/orders/{order['ref']}").status_code == 404
    for path in ("/api/me", f"/api/documents/{document['id']}", f"/api/webhooks/{webhook.json()['id']}"):
        assert client.get(path, headers=token).status_code == 401  # the token is good, its account is gone
    assert client.delete("/api/me", headers=token).status_code == 401
    assert client.post("/api/login", json={"email": email, "password": PASSWORD}).status_code == 401


def test_what_an_account_leaves_is_not_found_by_the_next_of_its_name(client: httpx.Client) -> None:
    """Registered again, an address has neither the documents nor the webhooks of before."""
    email = _new(client)
    token = sign_in(client, email, PASSWORD)
    client.post("/api/documents", headers=token, files={"file": ("a.csv", b"a\n1\n")})
    client.post("/api/webhooks", headers=token, json={"url": "https://a.example", "event": "order.created"})
    client.delete("/api/me", headers=token)
    client.post("/api/accounts", json={"email": email, "password": PASSWORD})
    assert client.get("/api/documents", headers=token).json() == {"documents": []}
    assert client.get("/api/webhooks", headers=token).json() == {"webhooks": []}
    client.delete("/api/me", headers=token)


def test_administrators_remove_accounts_of_customers_only(client: httpx.Client) -> None:
    """204 once, 404 then; not for customers; and an administrator stays."""
    email = _new(client)
    admin, customer = sign_in(client, *ADMIN[:2]), sign_in(client, *CUSTOMER[:2])
    assert client.delete(f"/api/accounts/{email}").status_code == 401
    assert client.delete(f"/api/accounts/{email}", headers=customer).status_code == 403
    assert client.delete(f"/api/accounts/{email}", headers=admin).status_code == 204
    assert client.delete(f"/api/accounts/{email}", headers=admin).status_code == 404
    assert client.delete(f"/api/accounts/{ADMIN[0]}", headers=admin).status_code == 409
    assert client.delete("/api/me", headers=admin).status_code == 409
    assert client.get("/api/me", headers=admin).json() == {"email": ADMIN[0], "role": "admin"}


@pytest.mark.parametrize(
    "body",
    [
        {"email": "nobody", "password": PASSWORD},
        {"email": "a@b.example", "password": "short"},
        {"email": "a@b.example", "password": "x" * 201},
        {"email": "a\x00@b.example", "password": PASSWORD},
        {"email": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}", "password": PASSWORD},
        {"email": "a@b.example", "password": PASSWORD, "role": "admin"},
    ],
)
def test_a_wrong_account_is_refused(client: httpx.Client, body: dict[str, str]) -> None:
    """422 with a reason; nobody makes himself an administrator."""
    answer = client.post("/api/accounts", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_a_token_is_a_json_web_token_that_others_can_read(client: httpx.Client) -> None:
    """Claims, lifetime and algorithm are where a client of any language looks for them."""
    answer = client.post("/api/login", json={"email": CUSTOMER[0], "password": CUSTOMER[1]}).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert jwt.get_unverified_header(answer["token"]) == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(answer["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["role"], claims["exp"] - claims["iat"]) == (CUSTOMER[0], "customer", 3600)


def test_an_order_is_removed_by_its_owner_or_an_administrator(client: httpx.Client) -> None:
    """Not by strangers and not by other customers; twice is 404."""
    mine = client.post("/api/orders", json=ORDER | {"email": CUSTOMER[0]}).json()["ref"]
    other = client.post("/api/orders", json=ORDER).json()["ref"]
    customer, admin = sign_in(client, *CUSTOMER[:2]), sign_in(client, *ADMIN[:2])
    assert client.delete(f"/api/orders/{mine}").status_code == 401
    assert client.delete(f"/api/orders/{other}", headers=customer).status_code == 403
    for ref, headers in ((mine, customer), (other, admin)):
        assert client.delete(f"/api/orders/{ref}", headers=headers).status_code == 204
        assert client.delete(f"/api/orders/{ref}", headers=headers).status_code == 404
        assert client.get(f"/api/orders/{ref}").status_code == 404


def _link(mail: MailSink, email: str) -> str:
    found = wait_for(lambda: mail.to(email))
    link = re.search(r"http://\S+", found.get_content())
    assert link is not None
    return link.group()


def test_a_forgotten_password_is_set_anew_by_mail(good: ShopProcess, client: httpx.Client, mail: MailSink) -> None:
    """Asked for on a page, sent through the relay, used once; then the new password works and the old one does not."""
    email = _new(client)
    asked = client.post("/forgot", data={"email": email}, headers={"X-Correlation-ID": f"reset-{email[:12]}"})
    assert "a mail is on its way" in asked.text
    link = _link(mail, email)
    assert link.startswith(good.url + "/reset?token=")
    found = mail.to(email)
    assert found is not None
    assert found["X-Correlation-ID"] == f"reset-{email[:12]}"
    page = client.get(link)
    assert f"For the account of {email}" in page.text
    form = {"token": httpx.URL(link).params["token"], "password": "short"}
    assert client.post("/reset", data=form).status_code == 422
    changed = client.post("/reset", data=form | {"password": "another password"})
    assert "Your password is changed" in changed.text
    assert client.post("/api/login", json={"email": email, "password": PASSWORD}).status_code == 401
    token = sign_in(client, email, "another password")
    assert client.get(link).status_code == 403
    assert client.post("/reset", data=form | {"password": "a third password"}).status_code == 403
    client.delete("/api/me", headers=token)


def test_asking_for_a_mail_does_not_tell_who_has_an_account(client: httpx.Client, mail: MailSink) -> None:
    """The API answers 202 for anybody; nobody gets a mail who has no account."""
    email = _new(client)
    answers = [client.post("/api/password-reset", json={"email": who}) for who in ("nobody@shop.example", email)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"status":"accepted"}')}
    _link(mail, email)
    assert mail.to("nobody@shop.example") is None
    client.delete("/api/me", headers=sign_in(client, email, PASSWORD))


def test_the_host_header_does_not_lead_into_a_mail(good: ShopProcess, client: httpx.Client, mail: MailSink) -> None:
    """Whoever asks cannot choose where the link leads to."""
    email = _new(client)
    client.post("/api/password-reset", json={"email": email}, headers={"Host": "evil.example"})
    assert _link(mail, email).startswith(good.url)
    client.delete("/api/me", headers=sign_in(client, email, PASSWORD))


def test_a_bearer_token_is_no_reset_token_and_the_other_way_round(client: httpx.Client, mail: MailSink) -> None:
    """Each opens its own door only."""
    email = _new(client)
    token = sign_in(client, email, PASSWORD)
    client.post("/api/password-reset", json={"email": email})
    reset = httpx.URL(_link(mail, email)).params["token"]
    assert client.get("/api/me", headers={"Authorization": f"Bearer {reset}"}).status_code == 401
    bearer = token["Authorization"].partition(" ")[2]
    assert client.get("/reset", params={"token": bearer}).status_code == 403
    client.delete("/api/me", headers=token)


def test_without_a_relay_the_log_says_what_was_not_sent() -> None:
    """A warning without address and link; the answer is the same. Links begin with the public address where one is."""
    with start("good", public_url="https://shop.example/") as shop:
        answer = httpx.post(shop.url + "/api/password-reset", json={"email": CUSTOMER[0]}, verify=NO_TLS)
        assert answer.status_code == 202
        line = wait_for(lambda: logged(shop, subject="Set a new password"))
        assert line["message"] == "mail not sent: the shop was started without --smtp"
        assert "token" not in shop.log.read_text(encoding="utf-8")


def test_mails_wait_for_a_relay_that_comes_back() -> None:
    """The first attempt finds nobody; the mail is sent all the same, with the public address in its link."""
    sink = MailSink()
    with start("good", smtp=sink.address, public_url="https://shop.example/") as shop:
        httpx.post(shop.url + "/api/password-reset", json={"email": CUSTOMER[0]}, verify=NO_TLS)
        wait_for(lambda: "mail refused" in shop.log.read_text(encoding="utf-8"))
        assert get(shop, "/api/health/system").json()["components"]["mail"] == "Degraded"
        with sink:
            assert "https://shop.example/reset?token=" in wait_for(lambda: sink.to(CUSTOMER[0])).get_content()
            assert get(shop, "/api/health/system").json()["components"]["mail"] == "Healthy"


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "nonsense", "shop", "documents"])
def test_logging_in_leads_nowhere_else(client: httpx.Client, to: str) -> None:
    """Back to a page of the shop, whatever the address of the login page says."""
    form = {"email": CUSTOMER[0], "password": CUSTOMER[1]}
    done = client.post("/login", params={"to": to}, data=form)
    assert done.url.path == AFTER_LOGIN.get(to, "/")
    assert f'id="person">{CUSTOMER[0]}' in done.text


def test_who_keeps_no_cookie_is_sent_to_log_in_again(good: ShopProcess) -> None:
    """A browser that refuses cookies ends at the login."""
    with httpx.Client(base_url=good.url) as client:
        answer = client.post("/login", data={"email": CUSTOMER[0], "password": CUSTOMER[1]})
        client.cookies.clear()
        assert client.get(answer.headers["location"]).headers["location"] == "/login?to=shop"
