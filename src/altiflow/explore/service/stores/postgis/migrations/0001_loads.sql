-- Catalogues that were loaded, each into a table of its own; one of each kind is the current one.
CREATE TABLE loads (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('pairs', 'granules')),
    current boolean NOT NULL,
    size bigint NOT NULL,
    first_place bigint NOT NULL,
    without_footprint bigint NOT NULL,
    odd bigint NOT NULL,
    "start" timestamp,
    "end" timestamp,
    west double precision,
    south double precision,
    east double precision,
    north double precision
);
CREATE UNIQUE INDEX loads_current ON loads (kind) WHERE current;
COMMENT ON COLUMN loads.first_place IS 'Places count on from load to load, so that a place is of one load alone';
COMMENT ON COLUMN loads.odd IS 'Rows whose footprint is no valid geometry, tested by the client';
