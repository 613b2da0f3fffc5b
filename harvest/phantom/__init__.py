"""Synthetic chest radiographs with exact truth: a cartoon of the chest film that needs no download."""

from harvest.phantom.archive import PhantomArchive, PhantomRange, write_archive
from harvest.phantom.films import PhantomBox, PhantomFilm
from harvest.phantom.render import render_film

__all__ = ["PhantomArchive", "PhantomBox", "PhantomFilm", "PhantomRange", "render_film", "write_archive"]
