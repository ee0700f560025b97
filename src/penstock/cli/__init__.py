"""What does the operator type? One command per file."""
