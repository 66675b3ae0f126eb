"""What the package returns: frozen values that display themselves as text and as HTML."""
