"""Set-up: provides the pinned command-line tools and the Python environment. Standard library only."""
