labels = {
    "run_0": "Baseline (learned positions)",
    "run_1": "RoPE",
    "run_2": "ALiBi",
    "run_3": "No positional encoding",
    "run_4": "RoPE + T5 relative bias",
}
