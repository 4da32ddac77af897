"""The engine of the providers that are descriptors."""
