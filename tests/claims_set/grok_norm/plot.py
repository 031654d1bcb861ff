labels = {
    "run_0": "Baseline (post-LayerNorm)",
    "run_1": "Pre-LayerNorm",
    "run_2": "RMSNorm",
    "run_3": "QK normalisation",
    "run_4": "Pre-LayerNorm + QK normalisation",
}
