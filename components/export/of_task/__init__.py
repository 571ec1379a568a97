"""The signatures of models whose answers need a form of their own."""
