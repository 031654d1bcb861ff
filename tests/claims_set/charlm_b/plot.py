labels = {
    "run_0": "Baselines",
    "run_1": "ALiBi positions",
    "run_2": "ALiBi + RMSNorm",
    "run_3": "4 layers",
    "run_4": "8 layers",
}
