"""Two-person control: a request with its exact payload, a second person's decision, one execution."""
