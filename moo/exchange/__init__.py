"""Fronts and studies in the formats of others."""
