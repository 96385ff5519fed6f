"""List prices of AWS, dated and with their sources, and the lines of an estimate."""
