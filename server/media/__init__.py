"""Files: how their bytes come, where they are kept, and who gets a link to them."""
