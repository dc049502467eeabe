"""Users of the example shop: most look around, some search, few order. An ordinary locustfile.

    locust -f load/shop.py --host http://127.0.0.1:8000

relgate takes it as it is: `signals: {traffic: {load: {users: load/shop.py, rate: 100/s}}}`. Nobody logs in: an order
needs no account, and what is ordered here belongs to an address that nobody reads.
"""

from __future__ import annotations

import random

from locust import FastHttpUser, between, task

WORDS = ("steel", "wood", "lamp", "chair", "blue", "garden")
PRODUCTS = 64
EMAIL = "load@shop.example"


class Visitor(FastHttpUser):
    """Looks at products. `name` keeps the table of requests short: one row for all products, not one each."""

    weight = 9
    wait_time = between(0.5, 2.0)

    @task(5)
    def catalogue(self) -> None:
        """Turn the pages of the catalogue."""
        self.client.get(f"/api/products?page={random.randint(1, 3)}", name="/api/products")

    @task(4)
    def product(self) -> None:
        """Look at a product."""
        self.client.get(f"/api/products/{random.randint(1, PRODUCTS)}", name="/api/products/{id}")

    @task(2)
    def search(self) -> None:
        """Search for a word."""
        self.client.get(f"/api/search?q={random.choice(WORDS)}", name="/api/search")


class Customer(FastHttpUser):
    """Orders something."""

    weight = 1
    wait_time = between(1.0, 3.0)

    @task
    def order(self) -> None:
        """Order one product, without an account."""
        items = [{"product_id": random.randint(1, PRODUCTS), "quantity": 1}]
        self.client.post("/api/orders", json={"items": items, "email": EMAIL, "name": "Load"}, name="/api/orders")
