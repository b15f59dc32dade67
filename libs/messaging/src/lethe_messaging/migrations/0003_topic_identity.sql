-- The id that the broker gave each topic whose offsets are kept. Another one means another topic under the same name.
CREATE TABLE topic_identity (
    topic text PRIMARY KEY,
    topic_id uuid NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
