"""The parts of the provider factory: `factory.py`, beside this folder, is where to begin."""
