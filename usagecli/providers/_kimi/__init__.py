"""The parts of the provider kimi: `kimi.py`, beside this folder, is where to begin."""
