"""Films that a PACS sends (DICOM C-STORE): they land in a folder, the inbox, which a run takes as an archive."""
