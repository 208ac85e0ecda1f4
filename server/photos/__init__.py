"""What the photos of a company show: their reading, and the evidence that is judged from it."""
