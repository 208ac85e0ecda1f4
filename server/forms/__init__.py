"""Forms for people: templates imported, published and retired; what was answered, in words."""
