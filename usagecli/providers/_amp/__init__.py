"""The parts of the provider amp: `amp.py`, beside this folder, is where to begin."""
