-- fleet: what happens to trucks, as it happens.
--
-- Two streams. telemetry is what a vehicle says of itself, every 30 seconds or so, and five times a second around a
-- strong acceleration; emergency is what cannot wait. Speeds are in km/h, temperatures in degrees Celsius,
-- accelerations along the vehicle in g, braking below 0. A reading that a message does not have is NULL.

-- What a cargo bears.
CREATE LOOKUP cargoes (cargo STRING, celsius_min DOUBLE NOT NULL, celsius_max DOUBLE NOT NULL)
WITH ('path' = 'lookups/cargoes.csv');
-- The limit of the roads in a cell of about 5 km, by its geohash.
CREATE LOOKUP speed_limits (cell STRING, kmh DOUBLE NOT NULL) WITH ('path' = 'lookups/speed_limits.csv');

CREATE TABLE telemetry (
    vehicle_id        STRING NOT NULL,
    ts                TIMESTAMP(3) NOT NULL,
    lat               DOUBLE,
    lon               DOUBLE,
    speed             DOUBLE,
    heading           DOUBLE,                   -- degrees from north, clockwise
    cargo_temperature DOUBLE,
    accel             DOUBLE,
    fuel              DOUBLE,                   -- percent
    door              STRING,                   -- of the cargo: 'open' or 'closed'
    event_type        STRING,                   -- 'periodic', 'motion', 'ignition_on' or 'ignition_off'
    route_id          STRING,                   -- what it is to drive, and to carry
    cargo             STRING,

    celsius_min AS LOOKUP(cargoes.celsius_min, cargo),
    celsius_max AS LOOKUP(cargoes.celsius_max, cargo),
    -- Where the table knows no road: the country's limit for trucks.
    speed_limit AS COALESCE(LOOKUP(speed_limits.kmh, GEOHASH(lat, lon, 5)), 90.0),
    metres_off AS CASE route_id
        WHEN 'huesca'    THEN ST_DISTANCE_TO_LINE('LINESTRING (-0.8891 41.6488, -0.8200 41.7600, -0.6600 41.9200, -0.5200 42.0400, -0.4089 42.1401)', lat, lon)
        WHEN 'calatayud' THEN ST_DISTANCE_TO_LINE('LINESTRING (-0.8891 41.6488, -1.1200 41.5700, -1.3600 41.4700, -1.5200 41.4000, -1.6432 41.3535)', lat, lon)
        WHEN 'alcaniz'   THEN ST_DISTANCE_TO_LINE('LINESTRING (-0.8891 41.6488, -0.7200 41.5200, -0.4900 41.3300, -0.2800 41.1500, -0.1336 41.0511)', lat, lon)
        WHEN 'tudela'    THEN ST_DISTANCE_TO_LINE('LINESTRING (-0.8891 41.6488, -1.1100 41.7700, -1.3300 41.8900, -1.5000 41.9900, -1.6045 42.0617)', lat, lon)
    END,

    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (vehicle_id) WITH ('idle_timeout' = '30 s');

CREATE TABLE emergency (
    vehicle_id        STRING NOT NULL,
    ts                TIMESTAMP(3) NOT NULL,
    lat               DOUBLE,
    lon               DOUBLE,
    speed             DOUBLE,
    heading           DOUBLE,
    cargo_temperature DOUBLE,
    accel             DOUBLE,
    fuel              DOUBLE,
    door              STRING,
    event_type        STRING NOT NULL,          -- 'panic_button' or 'impact'
    severity          STRING,                   -- 'critical', or 'test' when the button is tried
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (vehicle_id) WITH ('lane' = 'fast', 'idle_timeout' = '10 s');

-- Where a vehicle is and how it does.
CREATE MATERIALIZED VIEW vehicles WITH ('ttl' = '7 d') AS
SELECT vehicle_id, LAST_VALUE(ts) AS ts, LAST_VALUE(lat) AS lat, LAST_VALUE(lon) AS lon,
       LAST_VALUE(speed) AS speed, LAST_VALUE(heading) AS heading, LAST_VALUE(fuel) AS fuel,
       LAST_VALUE(door) AS door, LAST_VALUE(cargo_temperature) AS cargo_temperature,
       LAST_VALUE(route_id) AS route_id, COUNT(*) AS messages
FROM telemetry
GROUP BY vehicle_id;

-- How an hour went.
CREATE MATERIALIZED VIEW vehicle_hours AS
SELECT vehicle_id, window_start,
       COUNT(*) AS readings,
       ROUND(AVG(speed), 1) AS speed_avg, MAX(speed) AS speed_max,
       ROUND(MAX(fuel) - MIN(fuel), 1) AS fuel_range,
       MIN(cargo_temperature) AS celsius_min, MAX(cargo_temperature) AS celsius_max,
       COUNT(*) FILTER (WHERE door = 'open') AS door_open
FROM TABLE(TUMBLE(TABLE telemetry, DESCRIPTOR(ts), INTERVAL '1' HOUR))
WHERE event_type = 'periodic'
GROUP BY vehicle_id, window_start, window_end;

-- From a pause of 10 minutes to the next.
CREATE MATERIALIZED VIEW trips AS
SELECT vehicle_id, window_start AS first_message, window_end - INTERVAL '10' MINUTE AS last_message,
       ROUND(AVG(speed), 1) AS speed_avg, MAX(speed) AS speed_max
FROM TABLE(SESSION(TABLE telemetry PARTITION BY vehicle_id, DESCRIPTOR(ts), INTERVAL '10' MINUTE))
WHERE speed > 0 AND event_type = 'periodic'
GROUP BY vehicle_id, window_start, window_end;

-- The readings at their usual pace: what counts readings reads these.
CREATE VIEW readings AS SELECT * FROM telemetry WHERE event_type = 'periodic';

-- The button. A press may send several messages; a test is none.
CREATE RULE panic WITH ('severity' = 'critical', 'cooldown' = '1 min') AS
SELECT vehicle_id, at, lat, lon
FROM emergency MATCH_RECOGNIZE (
    PARTITION BY vehicle_id ORDER BY ts
    MEASURES P.ts AS at, P.lat AS lat, P.lon AS lon
    PATTERN (P)
    DEFINE P AS event_type = 'panic_button' AND severity = 'critical'
);

-- A jolt, and within 5 seconds the vehicle stands: a pothole does not stop it.
CREATE RULE impact WITH ('severity' = 'critical', 'cooldown' = '1 min') AS
SELECT vehicle_id, at, g, speed_before
FROM (
    SELECT vehicle_id, ts, speed, accel FROM telemetry
    UNION ALL SELECT vehicle_id, ts, speed, accel FROM emergency
) MATCH_RECOGNIZE (
    PARTITION BY vehicle_id ORDER BY ts
    MEASURES J.ts AS at, J.accel AS g, J.speed AS speed_before
    AFTER MATCH SKIP PAST LAST ROW
    PATTERN (J M*? S) WITHIN INTERVAL '5' SECOND
    DEFINE J AS ABS(accel) >= 2.5 AND speed > 20, S AS speed <= 5
);

-- Three readings in a row too cold or too warm.
CREATE RULE cargo_temperature WITH ('severity' = 'critical', 'cooldown' = '15 min') AS
SELECT vehicle_id, since, at, celsius
FROM (SELECT * FROM readings WHERE cargo_temperature IS NOT NULL) MATCH_RECOGNIZE (
    PARTITION BY vehicle_id ORDER BY ts
    MEASURES FIRST(T.ts) AS since, LAST(T.ts) AS at, LAST(T.cargo_temperature) AS celsius
    PATTERN (T{3})
    DEFINE T AS cargo_temperature NOT BETWEEN celsius_min AND celsius_max
);

-- Twice off its road, and within 5 minutes twice faster than any detour is driven.
CREATE RULE route_deviation WITH ('severity' = 'critical', 'cooldown' = '15 min') AS
SELECT vehicle_id, since, at, metres, speed
FROM readings MATCH_RECOGNIZE (
    PARTITION BY vehicle_id ORDER BY ts
    MEASURES FIRST(D.ts) AS since, LAST(F.ts) AS at, LAST(D.metres_off) AS metres, MAX(F.speed) AS speed
    PATTERN (D{2} M*? F{2}) WITHIN INTERVAL '5' MINUTE
    DEFINE D AS metres_off > 500, F AS speed > 1.25 * speed_limit
);

-- More than 0.35 g for a second: a reading holds until the next one.
CREATE RULE harsh_braking WITH ('severity' = 'warning', 'cooldown' = '10 s') AS
SELECT vehicle_id, at, g, speed
FROM (SELECT * FROM telemetry WHERE accel IS NOT NULL) MATCH_RECOGNIZE (
    PARTITION BY vehicle_id ORDER BY ts
    MEASURES FIRST(B.ts) AS at, MIN(B.accel) AS g, FIRST(B.speed) AS speed
    PATTERN (B+? E) WITHIN INTERVAL '5' SECOND
    DEFINE B AS accel < -0.35, E AS ts >= FIRST(B.ts) + INTERVAL '1' SECOND
);

-- Nothing for two minutes from a vehicle that was on its way. In order of event time: what only took longer to come
-- than other vehicles' messages is no silence.
CREATE RULE silence WITH ('severity' = 'critical', 'order' = 'event') AS
SELECT vehicle_id, at, lat, lon, speed
FROM telemetry MATCH_RECOGNIZE (
    PARTITION BY vehicle_id ORDER BY ts
    MEASURES M.ts AS at, M.lat AS lat, M.lon AS lon, M.speed AS speed
    PATTERN (M NOT N) WITHIN INTERVAL '2' MINUTE
    DEFINE M AS speed > 5
);

-- Three readings in a row a tenth above the limit.
CREATE RULE speeding WITH ('severity' = 'warning', 'cooldown' = '10 min') AS
SELECT vehicle_id, since, at, speed, speed_limit
FROM readings MATCH_RECOGNIZE (
    PARTITION BY vehicle_id ORDER BY ts
    MEASURES FIRST(S.ts) AS since, LAST(S.ts) AS at, MAX(S.speed) AS speed, LAST(S.speed_limit) AS speed_limit
    PATTERN (S{3})
    DEFINE S AS speed > 1.1 * speed_limit
);
