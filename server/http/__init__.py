"""The phone API over HTTP: requests are read with bounds, engine calls made, answers packed."""
