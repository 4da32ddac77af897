"""The parts of the provider codex: `codex.py`, beside this folder, is where to begin."""
