"""The parts of the provider zed: `zed.py`, beside this folder, is where to begin."""
