"""What lucent and horama need of torchvision, for a machine where it cannot be installed."""
