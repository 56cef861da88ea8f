"""One file per kind of approval that can be carried out; shared/approvals/effects.py lists them."""
