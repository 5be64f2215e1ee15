"""Building a Keras model from a configuration; its layers, size, inference and file formats."""
