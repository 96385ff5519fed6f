"""What a recipe cannot say: functions that rows name in place of a call."""
