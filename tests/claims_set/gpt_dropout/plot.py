labels = {
    "run_0": "Baseline",
    "run_1": "High Dropout",
    "run_2": "Linear Decay",
    "run_3": "Cosine Decay",
    "run_4": "Layer-wise Dropout",
    "run_5": "Adaptive Dropout",
}
