"""Where data lie: buckets, file system, repositories, and their backups."""
