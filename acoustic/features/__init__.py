"""From samples to feature vectors: resampling, framing, numba kernels."""
