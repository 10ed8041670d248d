-- Everything here is derived from `events`, in the transaction that appends them, and can be rebuilt from them.

-- One row a container, also of removed ones. Not WITHOUT ROWID: that would put every state above 1 KiB on overflow pages.
CREATE TABLE containers (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  removed INTEGER NOT NULL CHECK (removed IN (0, 1)),
  created_at TEXT NOT NULL,
  state TEXT NOT NULL
) STRICT;

-- A name belongs to at most one container that is not removed.
CREATE UNIQUE INDEX containers_by_name ON containers (name) WHERE removed = 0;
CREATE INDEX containers_by_age ON containers (created_at) WHERE removed = 0;

-- What `docker events` shows: the messages of the event at `position`, counted by `ordinal`. Time is nanoseconds since 1970.
CREATE TABLE messages (
  position INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  time_nano INTEGER NOT NULL,
  type TEXT NOT NULL,
  action TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  attributes TEXT NOT NULL,
  PRIMARY KEY (position, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_by_time ON messages (time_nano);

-- One row an image that is there; `id` is the digest of its config.
CREATE TABLE images (
  id TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  diff_ids TEXT NOT NULL,
  layers TEXT NOT NULL,
  config TEXT NOT NULL
) STRICT;

-- A tag points to one image, and that image is there when the transaction ends.
CREATE TABLE tags (
  tag TEXT PRIMARY KEY,
  image_id TEXT NOT NULL REFERENCES images (id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE INDEX tags_by_image ON tags (image_id);
