labels = {
    "run_0": "Baseline (uniform negatives)",
    "run_1": "Popularity negatives",
    "run_2": "Hard negatives",
    "run_3": "Mixed negatives",
    "run_4": "Mixed negatives with warm-up",
}
