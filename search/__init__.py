"""The search engine: spaces, studies, budgets. Knows no image, no Keras, no fmnist."""
