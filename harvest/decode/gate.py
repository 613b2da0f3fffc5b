"""Is it a frontal chest film? The header's answer, by rules on modality, body part and view.

Missing values speak neither for nor against a film of a projection modality; where the modality itself is missing or
says nothing (``OT``), something must speak for a chest.
"""

import re

from harvest.decode.tags import DESCRIPTIONS, Tags
from harvest.errors import Reason, RejectedError, Stage
from harvest.records import InstanceHeader

PROJECTION_MODALITIES = {"CR", "DX", "DR", "RG"}
SILENT_MODALITIES = {None, "OT", "SC"}
UNKNOWN_PARTS = {"", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "NONE", "OTHER", "DEFAULT", "N/A", "NA"}
CHEST = re.compile(r"CHEST|THORA|T[OÓ]RA[XC]|LUNG|PULM|BRUST|POITRINE|\bCXR\b|胸")
SPINE_OF_CHEST = re.compile(r"THORAC\w*\W*(SPINE|VERTEB\w*)|THORACOLUMB\w*")
"""Its name holds the chest's, but it is another film."""
OTHER_PARTS = re.compile(
    r"\b(ABDOM\w*|ANKLE|ARM|BREAST|CALCANE\w*|CERVICAL|CLAVIC\w*|COCCYX|CSPINE|DENTAL|ELBOW|EXTREMITY|FACE|"
    r"FEMUR|FINGER|FOOT|FOREARM|HAND|HEAD|HIP|HUMERUS|JAW|KNEE|KUB|LEG|LUMBAR|LSPINE|MAMMO\w*|NASAL|NECK|PANO\w*|"
    r"PATELLA|PELVI\w*|SACRUM|SCAPULA|SHOULDER|SINUS\w*|SKULL|SPINE|TEETH|TIBIA|TOE|TOOTH|WRIST)\b"
)
FRONTAL = re.compile(r"\b(PA|AP|P A|A P|POSTERO\W?ANTERIOR|ANTERO\W?POSTERIOR|FRONTAL)\b")
NOT_FRONTAL = re.compile(
    r"\b(LL|RL|LAT|LATERAL|LLAT|RLAT|LATERO\w*|PROFIL|SEITLICH|LLD|RLD|LLO|RLO|LAO|RAO|LPO|RPO|OBL\w*|DECUB\w*)\b"
)


def find_objections(tags: Tags, header: InstanceHeader) -> dict[Reason, str]:
    """Return what the header says against a frontal chest film: messages by reason, the gravest first."""
    found = {
        Reason.WRONG_MODALITY: _wrong_modality(header),
        Reason.WRONG_BODY_PART: _wrong_body_part(tags, header),
        Reason.WRONG_VIEW: _wrong_view(tags, header),
        Reason.NOT_A_CHEST_FILM: _nothing_says_chest(tags, header),
    }
    return {reason: message for reason, message in found.items() if message}


def require_chest(objections: dict[Reason, str], include: tuple[str, ...]) -> None:
    """Pass what nothing speaks against.

    Args:
        objections: messages by reason, the first goes first.
        include: reason codes that the user overrules.

    Raises:
        RejectedError: of the first objection that is not overruled.
    """
    for reason, message in objections.items():
        if reason not in include:
            advice = f"To harvest such objects run with --include {reason}."
            raise RejectedError(reason, Stage.GATE, f"{message} {advice}")


def _wrong_modality(header: InstanceHeader) -> str | None:
    if header.modality in PROJECTION_MODALITIES | SILENT_MODALITIES:
        return None
    return "The modality is not projection radiography."


def _wrong_body_part(tags: Tags, header: InstanceHeader) -> str | None:
    named = _body_parts(tags, header)
    texts = named or [_described(tags, DESCRIPTIONS)]
    if any(_says_chest(text) for text in texts):
        return None
    if named or OTHER_PARTS.search(texts[0]):
        return "The header names a body part other than the chest."
    return None


def _wrong_view(tags: Tags, header: InstanceHeader) -> str | None:
    codes = [item.text("CodeMeaning") or "" for item in tags.items("ViewCodeSequence")]
    texts = [text.upper() for text in (header.view_position or "", *codes, _described(tags, DESCRIPTIONS[1:])) if text]
    first = next((text for text in texts if FRONTAL.search(text) or NOT_FRONTAL.search(text)), None)
    if first is not None:
        return None if FRONTAL.search(first) else "The view is lateral, oblique or decubitus."
    directions = [text[:1].upper() for text in tags.texts("PatientOrientation")]
    return "The patient's orientation is that of a lateral view." if {"A", "P"} & set(directions) else None


def _nothing_says_chest(tags: Tags, header: InstanceHeader) -> str | None:
    if header.modality not in SILENT_MODALITIES:
        return None
    texts = [*_body_parts(tags, header), _described(tags, DESCRIPTIONS)]
    if any(_says_chest(text) for text in texts):
        return None
    return "Neither modality nor body part nor descriptions say that this is a chest film."


def _says_chest(text: str) -> bool:
    return CHEST.search(SPINE_OF_CHEST.sub("", text)) is not None


def _body_parts(tags: Tags, header: InstanceHeader) -> list[str]:
    codes = [item.text("CodeMeaning") or "" for item in tags.items("AnatomicRegionSequence")]
    parts = [text.upper().strip() for text in (header.body_part_examined or "", *codes)]
    return [part for part in parts if part not in UNKNOWN_PARTS]


def _described(tags: Tags, keywords: tuple[str, ...]) -> str:
    return " ".join(tags.text(keyword) or "" for keyword in keywords).upper().replace("_", " ")
