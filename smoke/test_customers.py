"""Smoke: what customers do: accounts, orders, documents, passwords."""

import io
import secrets

import pytest
from openpyxl import load_workbook

pytestmark = pytest.mark.smoke


def test_smoke_register(path, page, created):
    """A visitor becomes a customer."""
    email, password = f"{created.tag}@smoke.example", path.secret(secrets.token_urlsafe(12))
    with path.step("fill in the form"):
        created.undo("DELETE", f"/api/accounts/{email}", account="admin")
        page.goto("/register")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Register").click()
    with path.step("be known"):
        page.locator("#person").get_by_text(email).wait_for()


def test_smoke_login(path, page, new_customer, log_in):
    """A customer logs in and is in the shop under the own name."""
    with path.step("have an account"):
        customer = new_customer()
    with path.step("log in"):
        log_in(customer.email, customer.password)
        page.locator("#person").get_by_text(customer.email).wait_for()
    with path.step("be in the shop"):
        assert page.get_by_role("heading", name="Products").is_visible()


def test_smoke_token(path, http, new_customer):
    """The API's token works, and nothing else does."""
    with path.step("log in"):
        customer = new_customer()
    with path.step("be known by the token"):
        answer = http.get("/api/me", headers=customer.headers)
        assert (answer.status_code, answer.json()["email"]) == (200, customer.email)
    with path.step("a wrong password is refused"):
        answer = http.post("/api/login", json={"email": customer.email, "password": "wrong-password"})
        assert answer.status_code == 401
    with path.step("a token that was changed is refused"):
        forged = customer.headers["Authorization"][:-4] + "AAAA"
        assert http.get("/api/me", headers={"Authorization": forged}).status_code == 401


@pytest.mark.after("register")
def test_smoke_checkout(path, page, http, new_customer):
    """A customer orders what is in the basket."""
    with path.step("have an account"):
        customer = new_customer()
    with path.step("put something into the basket"):
        page.goto("/products/3")
        page.get_by_role("button", name="Add to basket").click()
        page.get_by_role("link", name="Check out").click()
    with path.step("order"):
        page.get_by_label("Name").fill("Ada")
        page.get_by_label("E-mail").fill(customer.email)
        page.get_by_label("Address").fill("1 Analytical Street")
        page.get_by_role("button", name="Order and pay").click()
        page.get_by_role("heading", name="Thank you, Ada").wait_for()
    with path.step("the order is there"):
        answer = http.get(f"/api/orders/{page.locator('#order-ref').inner_text()}")
        assert (answer.status_code, answer.json()["email"]) == (200, customer.email)


def test_smoke_convert(path, page, new_customer, log_in):
    """A table that is uploaded comes back as a workbook with the same rows."""
    rows = [("name", "price"), ("kettle", "39.00"), ("bowl", "12.50")]
    with path.step("log in"):
        customer = new_customer()
        log_in(customer.email, customer.password)
        page.locator("#person").get_by_text(customer.email).wait_for()
    with path.step("upload a table"):
        page.goto("/documents")
        table = "\n".join(",".join(row) for row in rows).encode()
        page.get_by_label("CSV file").set_input_files({"name": "prices.csv", "mimeType": "text/csv", "buffer": table})
        page.get_by_role("button", name="Upload").click()
    with path.step("get it back"):
        link = page.get_by_role("link", name="Download")
        link.wait_for()
        with page.expect_download() as download:
            link.click()
    with path.step("open it"):
        sheet = load_workbook(io.BytesIO(download.value.path().read_bytes())).active
        assert sheet.max_row == len(rows)
        assert sheet.cell(2, 1).value == "kettle"


def test_smoke_password_reset(path, page, http, mailbox, new_customer):
    """Who forgot the password gets a mail, and in with a new one."""
    new = path.secret(secrets.token_urlsafe(12))
    with path.step("have an account"):
        customer = new_customer()
    with path.step("ask for a mail"):
        page.goto("/forgot")
        page.get_by_label("E-mail").fill(customer.email)
        page.get_by_role("button", name="Send the link").click()
        page.get_by_role("status").get_by_text("a mail is on its way").wait_for()
    with path.step("read it"):
        (link,) = mailbox.wait(to=customer.email).links
        path.secret(link.partition("token=")[2])
    with path.step("set a new password"):
        page.goto(link)
        page.get_by_label("New password").fill(new)
        page.get_by_role("button", name="Set the password").click()
        page.get_by_text("Your password is changed").wait_for()
    with path.step("the new one works and the old one does not"):
        answers = [
            http.post("/api/login", json={"email": customer.email, "password": password}).status_code
            for password in (new, customer.password)
        ]
        assert answers == [200, 401]
