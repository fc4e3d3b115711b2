"""Spoken words: recordings or synthetic voices, log-mel pictures, kernels that move along frequency, time or both."""
