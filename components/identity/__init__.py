"""Who may act as whom."""
