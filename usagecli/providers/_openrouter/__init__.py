"""The parts of the provider openrouter: `openrouter.py`, beside this folder, is where to begin."""
