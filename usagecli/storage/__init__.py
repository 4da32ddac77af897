"""What usagecli keeps on disk: atomic, private, and never in the way of a report."""
