"""DICOM attributes by which a PACS is asked; apart from its client, which a list of paths need not import."""

STUDY, SERIES, INSTANCE, ACCESSION = "0020000D", "0020000E", "00080018", "00080050"
WAYS = {"SOPInstanceUID": INSTANCE, "StudyInstanceUID": STUDY, "AccessionNumber": ACCESSION}
"""By what instances can be asked for: DICOM keywords and their tags."""
