"""Why more time may be needed. GDPR Art. 12(3); EDPB Guidelines 01/2022, paragraphs 162 to 164.

Effort alone, the size of the controller or a slow processor is no reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

EXTENSION_REASONS: Final[Mapping[str, str]] = {
    "complexity": "GDPR Art. 12(3)",
    "number_of_requests": "GDPR Art. 12(3)",
    "amount_of_data": "EDPB 01/2022 §163",
    "scattered_storage": "EDPB 01/2022 §163",
    "rights_of_others": "EDPB 01/2022 §163; GDPR Art. 15(4)",
    "work_to_make_intelligible": "EDPB 01/2022 §163; GDPR Art. 12(1)",
}
"""Code → what it rests on. Letters have words for these."""
