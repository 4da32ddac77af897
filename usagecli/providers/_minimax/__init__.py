"""The parts of the provider minimax: `minimax.py`, beside this folder, is where to begin."""
