"""Template tags of usage's pages."""
