"""A lake in a bucket: immutable objects, a log of commits that are put create-only, and copies on this machine."""
