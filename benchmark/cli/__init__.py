"""What a user types and reads; the only room that prints."""
