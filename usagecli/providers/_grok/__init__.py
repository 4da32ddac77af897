"""The parts of the provider grok: `grok.py`, beside this folder, is where to begin."""
