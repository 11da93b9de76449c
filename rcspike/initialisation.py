def initial_weights(sizes, circuit, *, seed, dtype):
    import numpy as np

    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(a, b)) * 1 / np.sqrt(a * 0.3)).astype(dtype) for a, b in zip(sizes, sizes[1:])]
