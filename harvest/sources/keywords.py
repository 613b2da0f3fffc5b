"""DICOM attributes by which a PACS is asked; apart from its client, which a list of paths need not import."""

STUDY, SERIES, INSTANCE, ACCESSION = "0020000D", "0020000E", "00080018", "00080050"
WAYS = {"SOPInstanceUID": INSTANCE, "StudyInstanceUID": STUDY, "AccessionNumber": ACCESSION}
"""By what instances can be asked for: DICOM keywords and their tags."""
HELD = "00201208"
"""Number of instances in a study, as the server counts them."""
UPDATED = ("77771041", "77771031", "77771021")
"""When an instance, its series, its study changed last: private attributes of dcm4chee; the first that is told counts.
Standard attributes tell nothing of the kind."""
