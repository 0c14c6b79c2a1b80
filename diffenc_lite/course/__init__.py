"""What teaches the mathematics: proofs, exact answers, exercises, pictures."""
