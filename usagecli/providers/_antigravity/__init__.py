"""The parts of the provider antigravity: `antigravity.py`, beside this folder, is where to begin."""
