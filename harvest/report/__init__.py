"""The report of a lake: one page with charts and a gallery, in a folder that needs neither network nor server."""
