-- Events of 128 bytes, and what is kept of them.
CREATE TABLE events (id BIGINT NOT NULL, payload STRING NOT NULL, at TIMESTAMP(3) NOT NULL) PARTITIONED BY (id);
CREATE MATERIALIZED VIEW per_id AS SELECT id, COUNT(*) AS events, MAX(at) AS last FROM events GROUP BY id;
