labels = {
    "run_0": "Baseline (linear schedule)",
    "run_1": "Cosine schedule",
    "run_2": "Sigmoid schedule",
    "run_3": "Cosine schedule + EMA 0.995",
    "run_4": "Learned schedule",
    "run_5": "Learned schedule + EMA 0.995",
}
