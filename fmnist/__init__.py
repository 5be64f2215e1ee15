"""Fashion-MNIST in, a searched and confirmed model and its report out."""
