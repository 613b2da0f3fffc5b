"""Localization scored against radiologists' boxes, under the protocols of the literature and by their names."""
