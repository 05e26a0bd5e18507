"""What does not go together at Acme."""
