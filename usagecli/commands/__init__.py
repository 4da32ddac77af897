"""One file a command; each has a `command`. Files that begin with `_` serve several."""
