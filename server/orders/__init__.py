"""Orders, as the office works on them: see, decide, print, send out, close."""
