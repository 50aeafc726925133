"""The closed sets of words of the formats, in the order in which tables and reports use them.

Their Japanese and English labels are data: analyzer/rules/terms.yaml.
"""

from __future__ import annotations

from typing import Literal, get_args

Level = Literal["minimum", "recommended", "none"]
VendorConformity = Literal["conformable", "out_of_scope", "not_conforming"]
Disclosure = Literal["public", "nda", "none"]
Party = Literal["user", "integrator"]
GapParty = Literal["user", "integrator", "vendor"]
ClauseClass = Literal["basic", "recommended"]
TitleKnown = Literal["stated", "inferred", "unknown"]

Status = Literal["implemented", "partial", "planned", "not_implemented", "not_applicable", "unanswered"]
Proof = Literal["current", "expired", "missing"]
Assurance = Literal["public", "nda_reviewed", "nda_unreviewed", "stale", "none"]

Applicability = Literal["applicable", "not_applicable"]
Responsibility = Literal["vendor", "shared", "user_side", "none_stated"]
Conformity = Literal["conforming", "conforming_pending", "partial", "nonconforming", "not_assessed", "not_applicable"]
GapKind = Literal[
    "duty_open",
    "duty_unanswered",
    "proof_missing",
    "proof_expired",
    "vendor_confirmation",
    "vendor_nonconformity",
    "no_vendor_answer",
    "duty_unstated",
]
Priority = Literal["high", "medium", "low"]

LEVELS: tuple[Level, ...] = get_args(Level)
PARTIES: tuple[Party, ...] = get_args(Party)
STATUSES: tuple[Status, ...] = get_args(Status)
PROOFS: tuple[Proof, ...] = get_args(Proof)
ASSURANCES: tuple[Assurance, ...] = get_args(Assurance)
RESPONSIBILITIES: tuple[Responsibility, ...] = get_args(Responsibility)
CONFORMITIES: tuple[Conformity, ...] = get_args(Conformity)
GAP_KINDS: tuple[GapKind, ...] = get_args(GapKind)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
