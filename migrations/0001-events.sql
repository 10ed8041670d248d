-- The log. `position` is the order of commit, without gaps (AUTOINCREMENT: a number once given is never given again, also not
-- after damage cut the tail off). (stream, version) is unique: of two writers that saw the same version only one appends.
-- `hash` is sha-256, hex, over seven lines joined by a line feed: the hash of the stream's previous event (64 zeros for the first),
-- stream, version, type, schema, data, meta. None of them can hold a line feed: JSON text escapes it, names are printable ASCII.
CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  stream TEXT NOT NULL CHECK (stream <> '' AND stream NOT GLOB '*[^!-~]*'),
  version INTEGER NOT NULL CHECK (version > 0),
  type TEXT NOT NULL CHECK (type <> '' AND type NOT GLOB '*[^!-~]*'),
  schema INTEGER NOT NULL CHECK (schema > 0),
  data TEXT NOT NULL,
  meta TEXT NOT NULL,
  hash TEXT NOT NULL CHECK (length(hash) = 64),
  UNIQUE (stream, version)
) STRICT;

CREATE TRIGGER events_are_never_updated BEFORE UPDATE ON events
BEGIN
  SELECT RAISE(ABORT, 'the event log is append-only');
END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN
  SELECT RAISE(ABORT, 'the event log is append-only');
END;

-- A shortcut for folding: the state of a stream after `version`, by the machine of `machine_version`. One a stream; may be dropped at any time.
CREATE TABLE snapshots (
  stream TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  machine_version INTEGER NOT NULL,
  state TEXT NOT NULL
) STRICT;
