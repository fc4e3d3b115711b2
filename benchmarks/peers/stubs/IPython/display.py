"""Lucent imports it to show pictures in notebooks."""
