"""usagecli: how much of every AI quota, budget and credit is left."""

__version__ = "0.1.0"
