labels = {
    "run_0": "Baseline",
    "run_1": "Cosine decay",
    "run_2": "Warm restarts",
    "run_3": "Per-layer rates",
    "run_4": "Layer rates + cosine",
}
