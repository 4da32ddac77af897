"""The parts of the provider vertexai: `vertexai.py`, beside this folder, is where to begin."""
