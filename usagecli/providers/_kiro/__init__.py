"""The parts of the provider kiro: `kiro.py`, beside this folder, is where to begin."""
