"""The parts of the provider copilot: `copilot.py`, beside this folder, is where to begin."""
