"""The responsibility checklist (責任分界チェックリスト): its content, then HTML, PDF and xlsx."""
