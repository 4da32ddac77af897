"""The parts of the provider augment: `augment.py`, beside this folder, is where to begin."""
