labels = {
    "run_0": "Baseline (AdamW)",
    "run_1": "Lion",
    "run_2": "Slow gradient amplification",
    "run_3": "SGD with momentum",
    "run_4": "Amplification + Lion",
}
