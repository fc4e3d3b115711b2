"""Horama imports it to plot; nothing is plotted here."""
