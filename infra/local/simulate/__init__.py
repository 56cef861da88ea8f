"""The fault simulator: a seeded world and seeded faults on the real stack, and an oracle that judges the end."""
