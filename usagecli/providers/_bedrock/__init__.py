"""The parts of the provider bedrock: `bedrock.py`, beside this folder, is where to begin."""
