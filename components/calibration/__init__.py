"""How sure a model may be, found on dev and told by rows that did not choose."""
