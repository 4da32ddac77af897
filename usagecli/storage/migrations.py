"""The tables of the history's database, in the steps in which they came to be."""

from __future__ import annotations

# Each is applied once; they are only ever added to.
MIGRATIONS = (
    """
CREATE TABLE services (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, provider TEXT NOT NULL, account TEXT NOT NULL,
  UNIQUE (name, provider, account)
);
CREATE TABLE series (
  id INTEGER PRIMARY KEY, service INTEGER NOT NULL REFERENCES services, kind TEXT NOT NULL,
  name TEXT NOT NULL, label TEXT NOT NULL, scope TEXT, unit TEXT NOT NULL, window INTEGER,
  UNIQUE (service, kind, name)
);
CREATE TABLE samples (
  series INTEGER NOT NULL REFERENCES series, at INTEGER NOT NULL, used REAL, "limit" REAL,
  remaining REAL, percent REAL, resets_at INTEGER, source TEXT NOT NULL,
  PRIMARY KEY (series, at)
) WITHOUT ROWID;
CREATE TABLE outcomes (
  service INTEGER NOT NULL REFERENCES services, at INTEGER NOT NULL, status TEXT NOT NULL,
  error TEXT, message TEXT,
  PRIMARY KEY (service, at)
) WITHOUT ROWID;
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL)
""",
    # What storage.alerts keeps.
    """
CREATE TABLE alerts (
  config TEXT NOT NULL, rule TEXT NOT NULL, service TEXT NOT NULL, provider TEXT NOT NULL,
  item TEXT NOT NULL, passing INTEGER NOT NULL, level TEXT NOT NULL, since INTEGER NOT NULL,
  resets_at INTEGER, seen INTEGER NOT NULL,
  PRIMARY KEY (config, rule, service, provider, item)
) WITHOUT ROWID;
CREATE TABLE alert_actions (
  id INTEGER PRIMARY KEY, config TEXT NOT NULL, rule TEXT NOT NULL, service TEXT NOT NULL,
  provider TEXT NOT NULL, item TEXT NOT NULL, target TEXT NOT NULL, body TEXT NOT NULL,
  at INTEGER NOT NULL, claimed INTEGER
);
CREATE TABLE answers (
  config TEXT NOT NULL, service TEXT NOT NULL, provider TEXT NOT NULL, answered INTEGER, failed INTEGER,
  PRIMARY KEY (config, service, provider)
) WITHOUT ROWID
""",
)
