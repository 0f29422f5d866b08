-- ads: bid floors from a predicted CPM.
--
-- An ad server sends a bid request as it is about to auction an impression; the engine answers with the
-- floor. What won, and for how much, comes back as an outcome. Both are data points of the placement.
-- Who has them also sends what bidders answered, what they won, and the impressions, clicks and conversions
-- that followed: then the floor knows how a placement is clicked, paid and fought for. Nothing waits for them.

CREATE TABLE bid_requests (
    impression_id            STRING NOT NULL,
    placement                STRING NOT NULL,
    domain                   STRING,
    publisher                STRING,
    app_or_site              STRING,            -- 'app' or 'site'
    ts                       TIMESTAMP(3) NOT NULL,
    hour_of_day              INT NOT NULL,      -- 0 .. 23, local to the user where known
    day_of_week              INT NOT NULL,      -- ISO: Monday 1 .. Sunday 7
    country                  STRING,            -- ISO 3166-1 alpha-2
    country_tier             INT,               -- 1 .. 3; derived from country where absent
    device_category          STRING,            -- 'mobile', 'tablet' or 'desktop'
    format                   STRING,            -- 'banner', 'video', 'native', 'interstitial' or 'audio'
    inventory_type           STRING,            -- 'premium', 'standard' or 'remnant'
    bidder                   STRING,
    width                    INT,
    height                   INT,
    deal                     BOOLEAN,
    auction_type             INT,               -- OpenRTB: 1 first price, 2 second price
    bid_floor                DOUBLE,            -- the request's own floor
    bid_floor_currency       STRING,            -- ISO 4217
    user_engagement_score    DOUBLE,            -- 0 .. 1
    device_performance_score DOUBLE,            -- 0 and up, typically around 100
    historical_ctr_avg       DOUBLE,            -- 0 .. 1
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (placement);

CREATE TABLE outcomes (
    impression_id STRING NOT NULL,
    placement     STRING NOT NULL,
    ts            TIMESTAMP(3) NOT NULL,
    won           BOOLEAN NOT NULL,
    price         DOUBLE,                       -- clearing price, CPM
    currency      STRING,
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (placement);

CREATE TABLE bid_responses (
    impression_id STRING NOT NULL,
    placement     STRING NOT NULL,
    domain        STRING,
    ts            TIMESTAMP(3) NOT NULL,
    bidder        STRING NOT NULL,
    price         DOUBLE NOT NULL,              -- CPM, EUR, as in all streams below
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (placement) WITH ('idle_timeout' = '10 s');

CREATE TABLE wins (
    impression_id STRING NOT NULL,
    placement     STRING NOT NULL,
    domain        STRING,
    ts            TIMESTAMP(3) NOT NULL,
    bidder        STRING NOT NULL,
    price         DOUBLE NOT NULL,              -- clearing price
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (placement) WITH ('idle_timeout' = '10 s');

CREATE TABLE impressions (
    impression_id   STRING NOT NULL,
    placement       STRING NOT NULL,
    domain          STRING,
    ts              TIMESTAMP(3) NOT NULL,
    bidder          STRING,
    country         STRING,
    device_category STRING,
    format          STRING,
    cpm             DOUBLE,                     -- what it earned, per thousand
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (placement) WITH ('idle_timeout' = '10 s');

CREATE TABLE clicks (
    click_id      STRING NOT NULL,
    impression_id STRING NOT NULL,
    placement     STRING NOT NULL,
    domain        STRING,
    ts            TIMESTAMP(3) NOT NULL,
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (placement) WITH ('idle_timeout' = '10 s');

CREATE TABLE conversions (
    click_id      STRING NOT NULL,
    impression_id STRING NOT NULL,
    placement     STRING NOT NULL,
    domain        STRING,
    ts            TIMESTAMP(3) NOT NULL,
    amount        DOUBLE,                       -- what it is worth to the advertiser
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (placement) WITH ('idle_timeout' = '10 s');

CREATE TABLE views (                            -- impressions that came into view
    impression_id STRING NOT NULL,
    placement     STRING NOT NULL,
    domain        STRING,
    ts            TIMESTAMP(3) NOT NULL,
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (placement) WITH ('idle_timeout' = '10 s');

-- The clicks and the requests once more, for the rules that tell them apart by something else than their placement:
-- an event goes to the partition of its own stream's key, and a rule sees what its partition sees.
CREATE TABLE clicks_by_ip (
    click_id      STRING NOT NULL,
    impression_id STRING NOT NULL,
    ip            STRING NOT NULL,
    campaign      STRING,
    ts            TIMESTAMP(3) NOT NULL,
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (ip) WITH ('idle_timeout' = '10 s');

CREATE TABLE requests_by_domain (
    impression_id STRING NOT NULL,
    domain        STRING NOT NULL,
    ts            TIMESTAMP(3) NOT NULL,
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (domain) WITH ('idle_timeout' = '10 s');

-- How much is known about a placement: every decision and every outcome is a data point.
CREATE MATERIALIZED VIEW placement_stats AS
SELECT placement, COUNT(*) AS data_points
FROM (
    SELECT placement FROM bid_requests
    UNION ALL
    SELECT placement FROM outcomes
)
GROUP BY placement;

-- All that happens to a placement, each event a 1 in its column.
CREATE VIEW traffic AS
SELECT placement, domain, ts, 1 AS bid, 0 AS win, 0 AS impression, 0 AS click, 0 AS conversion,
       CAST(NULL AS DOUBLE) AS price
FROM bid_responses
UNION ALL SELECT placement, domain, ts, 0, 1, 0, 0, 0, price FROM wins
UNION ALL SELECT placement, domain, ts, 0, 0, 1, 0, 0, NULL FROM impressions
UNION ALL SELECT placement, domain, ts, 0, 0, 0, 1, 0, NULL FROM clicks
UNION ALL SELECT placement, domain, ts, 0, 0, 0, 0, 1, NULL FROM conversions;

-- The last hour, every minute.
CREATE MATERIALIZED VIEW placement_1h WITH ('retention' = '5 min') AS
SELECT placement, window_end, COUNT(*) AS data_points,
       SUM(bid) AS bids, SUM(win) AS wins, SUM(impression) AS impressions, SUM(click) AS clicks,
       SUM(conversion) AS conversions,
       CAST(SUM(click) AS DOUBLE) / SUM(impression) AS ctr,
       AVG(price) AS average_cpm,
       CAST(SUM(win) AS DOUBLE) / SUM(bid) AS win_rate
FROM TABLE(HOP(TABLE traffic, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '1' HOUR))
GROUP BY placement, window_start, window_end;

-- The last 24 hours, every quarter of an hour.
CREATE MATERIALIZED VIEW placement_24h WITH ('retention' = '1 h') AS
SELECT placement, window_end, COUNT(*) AS data_points,
       SUM(bid) AS bids, SUM(win) AS wins, SUM(impression) AS impressions, SUM(click) AS clicks,
       SUM(conversion) AS conversions,
       CAST(SUM(click) AS DOUBLE) / SUM(impression) AS ctr,
       AVG(price) AS average_cpm,
       CAST(SUM(win) AS DOUBLE) / SUM(bid) AS win_rate
FROM TABLE(HOP(TABLE traffic, DESCRIPTOR(ts), INTERVAL '15' MINUTE, INTERVAL '24' HOUR))
GROUP BY placement, window_start, window_end;

-- The same by domain. A domain has placements in all partitions, and a decision looks up its own partition: it
-- reads what its placement has on the domain (a tag may stand on several), the queries of people the whole.
CREATE MATERIALIZED VIEW placement_domain_24h WITH ('retention' = '1 h') AS
SELECT placement, domain, window_end, COUNT(*) AS data_points,
       SUM(impression) AS impressions,
       CAST(SUM(click) AS DOUBLE) / SUM(impression) AS ctr
FROM TABLE(HOP(TABLE traffic, DESCRIPTOR(ts), INTERVAL '15' MINUTE, INTERVAL '24' HOUR))
WHERE domain IS NOT NULL
GROUP BY placement, domain, window_start, window_end;

CREATE MATERIALIZED VIEW domain_1h WITH ('retention' = '5 min') AS
SELECT domain, window_end, COUNT(*) AS data_points,
       SUM(bid) AS bids, SUM(win) AS wins, SUM(impression) AS impressions, SUM(click) AS clicks,
       SUM(conversion) AS conversions,
       CAST(SUM(click) AS DOUBLE) / SUM(impression) AS ctr,
       AVG(price) AS average_cpm,
       CAST(SUM(win) AS DOUBLE) / SUM(bid) AS win_rate
FROM TABLE(HOP(TABLE traffic, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '1' HOUR))
WHERE domain IS NOT NULL
GROUP BY domain, window_start, window_end;

CREATE MATERIALIZED VIEW domain_24h WITH ('retention' = '1 h') AS
SELECT domain, window_end, COUNT(*) AS data_points,
       SUM(bid) AS bids, SUM(win) AS wins, SUM(impression) AS impressions, SUM(click) AS clicks,
       SUM(conversion) AS conversions,
       CAST(SUM(click) AS DOUBLE) / SUM(impression) AS ctr,
       AVG(price) AS average_cpm,
       CAST(SUM(win) AS DOUBLE) / SUM(bid) AS win_rate
FROM TABLE(HOP(TABLE traffic, DESCRIPTOR(ts), INTERVAL '15' MINUTE, INTERVAL '24' HOUR))
WHERE domain IS NOT NULL
GROUP BY domain, window_start, window_end;

CREATE MODEL yield
INPUT (
    hour_of_day DOUBLE, day_of_week DOUBLE, is_weekend DOUBLE, country_tier DOUBLE,
    device_category_encoded DOUBLE, is_eu DOUBLE, user_engagement_score DOUBLE,
    device_performance_score DOUBLE, historical_ctr_avg DOUBLE, is_prime_time DOUBLE
)
OUTPUT (predicted_cpm DOUBLE)                   -- EUR
WITH ('path' = 'models/yield.ubj', 'version' = 'yield-1');

CREATE DECISION floor ON bid_requests
WITH ('deadline' = '10 ms', 'split_by' = 'impression_id')   -- while the model has a challenger
AS
SELECT
    -- Nobody pays a floor of more than twice what the placement has earned.
    ROUND(LEAST(GREATEST(
        CASE WHEN wins_24h >= 100 THEN LEAST(cpm, 2.0 * average_cpm) ELSE cpm END
        * confidence * competition, 0.5), 10.0), 4) AS floor,
    'EUR'                AS currency,
    ROUND(cpm, 4)        AS predicted_cpm,
    ROUND(cpm * 0.9, 4)  AS cpm_lower,
    ROUND(cpm * 1.1, 4)  AS cpm_upper,
    MODEL_VERSION(yield) AS model_version,
    MODEL_VARIANT(yield) AS model_variant,
    data_points,
    CASE WHEN data_points > 10 THEN 'floored' ELSE 'low_confidence' END AS code
FROM (
    SELECT
        *,
        PREDICT(yield) AS cpm,
        CASE
            WHEN data_points > 1000 THEN 0.95
            WHEN data_points > 100  THEN 0.85
            WHEN data_points > 10   THEN 0.75
            ELSE 0.60
        END AS confidence,
        CASE
            WHEN is_prime_time = 1 AND inventory_type = 'premium' THEN 1.1
            WHEN is_prime_time = 1 OR  inventory_type = 'premium' THEN 1.05
            ELSE 1.0
        END
        -- Ten bidders or more for each impression sold.
        * CASE WHEN bids_1h >= 100 AND win_rate <= 0.1 THEN 1.05 ELSE 1.0 END AS competition
    FROM (
        SELECT
            *,
            CASE WHEN country_tier = 1 THEN 1 ELSE 0 END AS is_eu   -- as the model was trained: tier 1
        FROM (
            SELECT
                hour_of_day,
                day_of_week,
                CASE WHEN day_of_week IN (6, 7) THEN 1 ELSE 0 END AS is_weekend,
                CASE
                    WHEN b.country_tier BETWEEN 1 AND 3 THEN b.country_tier
                    WHEN country IN ('ES', 'FR', 'DE', 'IT', 'GB', 'UK', 'US') THEN 1
                    WHEN country IN ('PT', 'NL', 'BE', 'CH', 'AT', 'SE') THEN 2
                    ELSE 3
                END AS country_tier,
                CASE device_category WHEN 'tablet' THEN 2 WHEN 'desktop' THEN 3 ELSE 1 END
                    AS device_category_encoded,
                COALESCE(user_engagement_score, 0.5)      AS user_engagement_score,
                COALESCE(device_performance_score, 100.0) AS device_performance_score,
                COALESCE(
                    historical_ctr_avg,
                    CASE
                        WHEN h.impressions >= 1000 THEN h.ctr
                        WHEN o.impressions >= 1000 THEN o.ctr
                        WHEN d.impressions >= 1000 THEN d.ctr
                    END,
                    0.02)                                 AS historical_ctr_avg,
                CASE WHEN hour_of_day BETWEEN 19 AND 23 THEN 1 ELSE 0 END AS is_prime_time,
                inventory_type,
                COALESCE(p.data_points, 0) AS data_points,
                h.bids AS bids_1h, h.win_rate, d.wins AS wins_24h, d.average_cpm
            FROM bid_requests AS b
            LEFT JOIN placement_stats AS p ON p.placement = b.placement
            LEFT JOIN placement_1h  AS h ON h.placement = b.placement
            LEFT JOIN placement_24h AS d ON d.placement = b.placement
            LEFT JOIN placement_domain_24h AS o ON o.placement = b.placement AND o.domain = b.domain
        )
    )
)
-- Too late, or no prediction: the request's own floor in its own currency, else 2 EUR.
FALLBACK SELECT
    CASE WHEN bid_floor > 0 THEN bid_floor ELSE 2.0 END AS floor,
    CASE WHEN bid_floor > 0 THEN COALESCE(bid_floor_currency, 'USD') ELSE 'EUR' END AS currency;

-- Eight clicks on one campaign from one address within a minute.
CREATE RULE click_flood WITH ('severity' = 'critical', 'cooldown' = '10 min') AS
SELECT ip, campaign, since, at
FROM clicks_by_ip MATCH_RECOGNIZE (
    PARTITION BY ip, campaign ORDER BY ts
    MEASURES FIRST(C.ts) AS since, LAST(C.ts) AS at
    PATTERN (C{8}) WITHIN INTERVAL '1' MINUTE
);

-- Nobody clicks what was not in view.
CREATE RULE click_without_view WITH ('severity' = 'warning') AS
SELECT placement, impression_id, shown, at
FROM (
    SELECT placement, impression_id, ts, 'impression' AS what FROM impressions
    UNION ALL SELECT placement, impression_id, ts, 'view' FROM views
    UNION ALL SELECT placement, impression_id, ts, 'click' FROM clicks
) MATCH_RECOGNIZE (
    PARTITION BY placement, impression_id ORDER BY ts
    MEASURES I.ts AS shown, C.ts AS at
    PATTERN (I NOT V C) WITHIN INTERVAL '1' HOUR
    DEFINE I AS what = 'impression', V AS what = 'view', C AS what = 'click'
);

-- Eight conversions of a placement within five minutes.
CREATE RULE conversion_burst WITH ('severity' = 'warning', 'cooldown' = '10 min') AS
SELECT placement, since, at, amount
FROM conversions MATCH_RECOGNIZE (
    PARTITION BY placement ORDER BY ts
    MEASURES FIRST(C.ts) AS since, LAST(C.ts) AS at, SUM(C.amount) AS amount
    PATTERN (C{8}) WITHIN INTERVAL '5' MINUTE
);

-- Sixty requests for a domain within ten seconds.
CREATE RULE bid_request_flood WITH ('severity' = 'warning', 'cooldown' = '1 min') AS
SELECT domain, since, at
FROM requests_by_domain MATCH_RECOGNIZE (
    PARTITION BY domain ORDER BY ts
    MEASURES FIRST(R.ts) AS since, LAST(R.ts) AS at
    PATTERN (R{60}) WITHIN INTERVAL '10' SECOND
);
