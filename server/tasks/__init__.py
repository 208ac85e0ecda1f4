"""What the office asks of people and tells them: tasks, notices, location checks."""
