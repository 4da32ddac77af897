"""The parts of the provider openai: `openai.py`, beside this folder, is where to begin."""
