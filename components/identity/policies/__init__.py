"""What each controller in the cluster may do in the account: one module per controller, plain dicts.

Each document is its publisher's policy less the cuts, and plus the conditions, that tests/iam/deviations/ lists with
their reasons. Statements hold only what is known before anything exists, so a preview shows every document whole.
"""
