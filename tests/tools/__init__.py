"""What writes stored outputs, the guide and the handout."""
