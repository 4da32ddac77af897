"""The parts of the provider jetbrains: `jetbrains.py`, beside this folder, is where to begin."""
