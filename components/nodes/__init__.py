"""The TFX components: one file a node, contract and executor."""
