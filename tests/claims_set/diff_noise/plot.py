labels = {
    "run_0": "Baseline (linear)",
    "run_1": "Cosine schedule",
    "run_2": "Sigmoid schedule",
    "run_3": "Learned schedule",
    "run_4": "Learned + EMA 0.999",
}
