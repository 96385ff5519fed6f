"""What runs on the machines themselves, from power-on to node; user_data.py puts it there."""
