"""The parts of the provider zai: `zai.py`, beside this folder, is where to begin."""
