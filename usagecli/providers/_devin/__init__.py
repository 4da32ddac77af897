"""The parts of the provider devin: `devin.py`, beside this folder, is where to begin."""
