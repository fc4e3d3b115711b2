"""Only holds `utils`."""
