labels = {
    "run_0": "Baseline",
    "run_1": "Fourier features",
    "run_2": "Self-guidance",
    "run_3": "Residual blocks",
}
