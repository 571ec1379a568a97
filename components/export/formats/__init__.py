"""The same model in the forms of other libraries: Hugging Face, sentence-transformers, ONNX."""
