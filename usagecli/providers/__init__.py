"""One file a provider; the file name is its id and its subcommand."""
