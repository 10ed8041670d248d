-- One row a volume that is there, derived from `events` as the others are. A name belongs to one volume at most.
CREATE TABLE volumes (
  name TEXT PRIMARY KEY,
  created_at TEXT NOT NULL,
  labels TEXT NOT NULL,
  options TEXT NOT NULL,
  anonymous_of TEXT
) STRICT, WITHOUT ROWID;
