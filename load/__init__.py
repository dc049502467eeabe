"""Load gates, and the users that load the example shop. Locustfiles are never imported in a process of pytest."""
