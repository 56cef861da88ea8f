"""How much of a batch may be bad: the flood guard, and the ceilings an operator raises for a time."""
