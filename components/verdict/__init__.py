"""How sure a measured value is, whether two models differ, and what the gate makes of it."""
