"""The parts of the provider claude: `claude.py`, beside this folder, is where to begin."""
