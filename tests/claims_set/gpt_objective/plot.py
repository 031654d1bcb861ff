labels = {
    "run_0": "Baseline (cross-entropy)",
    "run_1": "Label smoothing 0.1",
    "run_2": "Two-token prediction",
    "run_3": "Four-token prediction",
    "run_4": "Two-token prediction + stochastic depth",
    "run_5": "Two-token prediction, annealed",
}
