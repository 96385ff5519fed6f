"""`platform verify`: whether a cluster is what its stack's file says, row by row of the documents' report."""
