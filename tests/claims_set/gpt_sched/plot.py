labels = {
    "run_0": "Baseline",
    "run_1": "Adaptive block size",
    "run_2": "Linear decay",
    "run_3": "Layer-wise learning rates",
    "run_4": "Style tokens",
}
