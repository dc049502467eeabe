"""What a service's OpenAPI document promises, and whether the service keeps it: explore, compare, write down."""
