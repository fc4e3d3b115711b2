"""Sentences: kernels that move along the words of a text, and say of which class it is."""
