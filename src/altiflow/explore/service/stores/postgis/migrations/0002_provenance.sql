-- Of what file a load was made, by whom and when.
ALTER TABLE loads
    ADD COLUMN source text,
    ADD COLUMN software text,
    ADD COLUMN loaded_at timestamptz NOT NULL DEFAULT now();
