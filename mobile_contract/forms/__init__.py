"""Forms: what a definition means, and what follows from answers; the same on phone and server."""
