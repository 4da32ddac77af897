"""The parts of the provider azure-openai: `azure_openai.py`, beside this folder, is where to begin."""
