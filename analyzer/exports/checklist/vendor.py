"""What an institution should obtain from a cloud vendor, or look at, behind the vendor's answer to a control."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.checklist.model import VendorItem
from analyzer.model.catalog import Certification, Document, Vendor
from analyzer.model.controls import Response


def vendor_items(response: Response, vendor: Vendor | None, as_of: date, rulebook: Rulebook) -> tuple[VendorItem, ...]:
    """What to ask for under NDA first, then current certificates, then public documents to look at."""
    return (*_under_nda(response), *_certificates(response, vendor, as_of), *_public(response, vendor, rulebook))


def _under_nda(response: Response) -> Iterator[VendorItem]:
    if response.nda_documents:
        yield VendorItem("調査で示された非公開の資料", under_nda=True)
    if response.interview:
        yield VendorItem("調査ではインタビューで確かめた内容の説明と、それを示す資料", under_nda=True)
    if response.disclosure == "nda" and not (response.nda_documents or response.interview):
        yield VendorItem("詳細を示す資料", under_nda=True)


def _certificates(response: Response, vendor: Vendor | None, as_of: date) -> Iterator[VendorItem]:
    for identity in response.certifications:
        certification = vendor.certifications.get(identity) if vendor else None
        yield VendorItem(_certificate(certification, identity, as_of), under_nda=False)


def _certificate(certification: Certification | None, identity: str, as_of: date) -> str:
    if certification is None:
        return f"認証 {identity} の登録証"
    withdrawn = certification.edition_withdrawn_on
    held = f"{certification.title}（登録番号 {certification.number}）"
    if withdrawn is None or as_of < withdrawn:
        return f"{held}の登録証"
    current = certification.successor or "現行版"
    return f"{current}の登録証。回答の拠る{held}は{withdrawn}に効力を失っている"


def _public(response: Response, vendor: Vendor | None, rulebook: Rulebook) -> Iterator[VendorItem]:
    for number in response.all_documents:
        document = vendor.documents.get(number) if vendor else None
        yield VendorItem(
            f"文献[{number}] {_title(document, rulebook)}", under_nda=False, url=document.url if document else None
        )
    known = {document.url for document in vendor.documents.values()} if vendor else set()
    for url in response.urls:
        if url not in known:
            yield VendorItem("見解が示すページ", under_nda=False, url=url)


def _title(document: Document | None, rulebook: Rulebook) -> str:
    """The title, and how sure it is unless the source prints it."""
    if document is None or document.title is None:
        return f"題名{rulebook.term('title_known', 'unknown').ja}"
    if document.title_known == "stated":
        return document.title
    return f"{document.title}（題名は{rulebook.term('title_known', document.title_known).ja}）"
