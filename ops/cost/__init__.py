"""`platform cost`: what a stack costs a month, from its configuration alone: offline, without credentials."""
