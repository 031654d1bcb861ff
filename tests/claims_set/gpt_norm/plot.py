labels = {
    "run_0": "Baseline (LayerNorm)",
    "run_1": "RMSNorm",
    "run_2": "RMSNorm + QK-norm",
    "run_3": "RMSNorm + SwiGLU",
    "run_4": "RMSNorm + SwiGLU + QK-norm",
    "run_5": "Parallel attention and MLP",
}
