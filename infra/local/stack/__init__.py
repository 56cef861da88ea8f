"""The whole product on one machine: `make run` and the commands beside it."""
