labels = {
    "run_0": "Baseline",
    "run_1": "Dual-scale denoiser",
    "run_2": "Learnable weighting",
    "run_3": "Wider network",
    "run_4": "Cosine noise schedule",
    "run_5": "EMA weights",
}
