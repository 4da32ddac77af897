"""The parts of the provider windsurf: `windsurf.py`, beside this folder, is where to begin."""
