"""`python -m usagecli` is the command `usagecli`."""

from usagecli.cli import main

if __name__ == "__main__":
    main()
