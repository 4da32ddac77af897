"""The parts of the provider opencode: `opencode.py`, beside this folder, is where to begin."""
