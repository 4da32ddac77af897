"""The parts of the provider mistral: `mistral.py`, beside this folder, is where to begin."""
