"""The parts of the provider cursor: `cursor.py`, beside this folder, is where to begin."""
