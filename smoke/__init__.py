"""Smoke paths of the example shop: the critical ways of its visitors, customers and shopkeepers."""
