"""Training from a folder of films and a label table to a bundle."""
