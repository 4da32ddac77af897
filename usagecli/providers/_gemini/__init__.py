"""The parts of the provider gemini: `gemini.py`, beside this folder, is where to begin."""
