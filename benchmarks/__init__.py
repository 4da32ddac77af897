"""Measurements of usagecli, and what they are made on."""
