"""Stand-ins for the controllers that only simulated pods would run: they make what the real ones make.

Each works only while a pod of its own runs, and by what its own Deployment or DaemonSet says.
"""
