"""What a reader must know before trusting a comparison, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.comparison.controls_changes import ControlsChanges
from analyzer.comparison.documents import Background
from analyzer.comparison.progress import Progress
from analyzer.exports.changes.values import field_label


def controls_notices(changes: ControlsChanges) -> tuple[str, ...]:
    """On a comparison of two versions of the knowledge base; empty where there is nothing to say."""
    return tuple(_controls(changes))


def progress_notices(progress: Progress) -> tuple[str, ...]:
    """On a comparison of two analyses; empty where there is nothing to say."""
    return tuple(_progress(progress))


def _controls(changes: ControlsChanges) -> Iterator[str]:
    same = changes.old_version == changes.new_version
    if same and changes.changes:
        yield "版の表示は同じだが内容が異なる。少なくとも一方は書き出した後に変えられている。"
    if not same and not changes.changes:
        yield "版は異なるが、管理策、ガイドラインの版、調査のいずれにも違いはない。"
    if changes.not_compared:
        fields = "、".join(field_label((field,)) for field in changes.not_compared)
        yield f"一方のファイルにしかない欄は比べていない：{fields}。"
    yield from _background(changes.background, {scope.guideline for scope in changes.scopes if scope.new})


def _progress(progress: Progress) -> Iterator[str]:
    old, new = progress.old, progress.new
    if new.fictional or old.fictional:
        yield "架空の機関の記入例であり、実在の機関ではない。"
    if progress.versions_differ:
        yield (
            f"二つの分析は知識ベースの版が異なる（旧 {old.version}、新 {new.version}）。"
            "判定やギャップの変化には、機関の取組みによらず、知識ベースが変わったことによるものが含まれうる。"
        )
    if progress.backwards:
        yield (
            f"新の基準日（{new.as_of}）が旧の基準日（{old.as_of}）より前である。旧と新の順が逆ではないか確かめること。"
        )
    if new.name != old.name:
        yield f"機関の名称が変わっている（旧「{old.name}」、新「{new.name}」）。"
    services = [{service for _, service in side.results} for side in (old, new)]
    if services[0] != services[1]:
        yield "利用するサービスが二つの分析で異なる。"
    guidelines = {control.partition(":")[0] for control, _ in new.results}
    yield from _background(new.background, guidelines)


def _background(background: Background, guidelines: set[str]) -> Iterator[str]:
    for identity, guideline in background.guidelines.items():
        if identity in guidelines and not guideline["in_force"]:
            edition = f"（{guideline['edition']}）" if guideline["edition"] else ""
            yield f"【旧版】{guideline['title']['ja']}{edition}：{guideline['status_note']}"
    for vendor, survey in background.surveys.items():
        yield f"{vendor}の回答は「{survey['title']}」による。調査日は遅くとも{survey['surveyed_on']}。"
