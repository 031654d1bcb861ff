labels = {
    "run_0": "Baseline",
    "run_1": "Xavier initialization",
    "run_2": "He initialization",
    "run_3": "Strong weight decay",
    "run_4": "Dropout",
    "run_5": "Cosine schedule",
}
