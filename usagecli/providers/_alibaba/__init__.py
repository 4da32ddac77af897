"""The parts of the provider alibaba: `alibaba.py`, beside this folder, is where to begin."""
