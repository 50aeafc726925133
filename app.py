"""The web app (`sansho app`, `make app`). Its pages at a glance; each names a module of analyzer/web/pages."""

from analyzer.web.shell import PageSpec, run

run(
    [
        PageSpec("", "概要", ":material/home:", "overview"),
        PageSpec("matrix", "管理策マトリクス", ":material/table_view:", "matrix"),
        PageSpec("gaps", "ギャップ分析", ":material/query_stats:", "gaps"),
        PageSpec("answers", "回答", ":material/edit_note:", "answers"),
        PageSpec("checklist", "責任分界チェックリスト", ":material/checklist:", "checklist"),
        PageSpec("intake", "取り込み", ":material/upload_file:", "intake"),
        PageSpec("evidence", "証跡台帳", ":material/folder_open:", "evidence"),
        PageSpec("portfolio", "多機関の状況", ":material/lan:", "portfolio", needs="portfolio"),
        PageSpec("exports", "エクスポート", ":material/download:", "exports"),
        PageSpec("account", "アカウント", ":material/account_circle:", "account", for_accounts=True),
        PageSpec("accounts", "アカウント管理", ":material/manage_accounts:", "accounts", for_accounts=True),
    ]
)
