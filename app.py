"""The web app (`sansho app`, `make app`). Its pages at a glance; each names a module of analyzer/web/pages."""

from analyzer.web.shell import PageSpec, run

run(
    [
        PageSpec("", "概要", ":material/home:", "overview", needs="read"),
        PageSpec("matrix", "管理策マトリクス", ":material/table_view:", "matrix", needs="read"),
        PageSpec("gaps", "ギャップ分析", ":material/query_stats:", "gaps", needs="read"),
        PageSpec("answers", "回答", ":material/edit_note:", "answers", needs="read"),
        PageSpec("checklist", "責任分界チェックリスト", ":material/checklist:", "checklist", needs="read"),
        PageSpec("intake", "取り込み", ":material/upload_file:", "intake", needs="read"),
        PageSpec("evidence", "証跡台帳", ":material/folder_open:", "evidence", needs="read"),
        PageSpec("portfolio", "多機関の状況", ":material/lan:", "portfolio", needs="portfolio"),
        PageSpec("exports", "エクスポート", ":material/download:", "exports", needs="read"),
        PageSpec("office", "事務局", ":material/support_agent:", "office", for_accounts=True, needs="run_programme"),
        PageSpec("programme", "支援事業", ":material/handshake:", "programme", for_accounts=True, needs="take_part"),
        PageSpec(
            "notifications",
            "通知",
            ":material/notifications:",
            "notifications",
            for_accounts=True,
            needs=("take_part", "run_programme"),
        ),
        PageSpec("account", "アカウント", ":material/account_circle:", "account", for_accounts=True),
        PageSpec(
            "accounts", "アカウント管理", ":material/manage_accounts:", "accounts", for_accounts=True, needs="accounts"
        ),
    ]
)
