labels = {
    "run_0": "Baseline",
    "run_1": "Multi-query attention",
    "run_2": "Sliding window",
    "run_3": "Rotary embeddings",
    "run_4": "Rotary + sliding window",
}
