"""A run in the books of other programs: TensorBoard, MLflow."""
