"""The parts of the provider kilo: `kilo.py`, beside this folder, is where to begin."""
