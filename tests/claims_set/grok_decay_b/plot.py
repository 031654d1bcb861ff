labels = {
    "run_0": "Baseline (constant weight decay)",
    "run_1": "Linear warm-up of weight decay",
    "run_2": "Cosine annealing of weight decay",
    "run_3": "Strong weight decay",
    "run_4": "Strong weight decay with warm-up",
    "run_5": "Decay on embeddings only",
}
