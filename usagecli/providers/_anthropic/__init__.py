"""The parts of the provider anthropic: `anthropic.py`, beside this folder, is where to begin."""
