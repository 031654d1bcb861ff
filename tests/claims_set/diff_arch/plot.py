labels = {
    "run_0": "Baseline",
    "run_1": "Fourier time features",
    "run_2": "FiLM conditioning",
    "run_3": "Mixture of experts",
    "run_4": "Self-attention block",
}
