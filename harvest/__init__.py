"""The harvest: archive in, boxes out."""
