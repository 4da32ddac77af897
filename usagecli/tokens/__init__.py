"""What the coding agents burned, from the logs that they leave on this machine.

roots.py      where the logs are, and the files below them
lines.py      a file -> the lines that matter, without decoding the others
codex.py      the lines of a Codex rollout -> Log
claude.py     the lines of a Claude Code transcript -> Log
scan.py       files -> Log each, in two processes where that pays
ledger.py     what was read stays read: one SQLite file
merge.py      Logs -> Cells: each request counted once across files, and priced
pricing.py    model and tokens -> money, or unpriced
views.py      Cells -> the rows of a view
answer.py     all of it in order, and the finished answer kept
"""
