"""Tasks: data, network, training, evaluation and prediction for one kind of input each."""
