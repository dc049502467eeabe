"""What the core asks of the world: narrow protocols, and the values that cross them. Adapters fill them."""
