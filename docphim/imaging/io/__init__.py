"""Bytes to arrays with their geometry and unit, or a refusal: one reader a format."""
