"""The web app (`sansho app`, `make app`). Its pages at a glance; each is a module of analyzer/web/pages."""

from analyzer.web.pages import account, accounts, answers, checklist, evidence, exports, gaps, intake, matrix, overview
from analyzer.web.shell import PageSpec, run

run(
    [
        PageSpec("", "概要", ":material/home:", overview.page),
        PageSpec("matrix", "管理策マトリクス", ":material/table_view:", matrix.page),
        PageSpec("gaps", "ギャップ分析", ":material/query_stats:", gaps.page),
        PageSpec("answers", "回答", ":material/edit_note:", answers.page),
        PageSpec("checklist", "責任分界チェックリスト", ":material/checklist:", checklist.page),
        PageSpec("intake", "取り込み", ":material/upload_file:", intake.page),
        PageSpec("evidence", "証跡台帳", ":material/folder_open:", evidence.page),
        PageSpec("exports", "エクスポート", ":material/download:", exports.page),
        PageSpec("account", "アカウント", ":material/account_circle:", account.page, for_accounts=True),
        PageSpec("accounts", "アカウント管理", ":material/manage_accounts:", accounts.page, for_accounts=True),
    ]
)
