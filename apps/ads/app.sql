-- ads: bid floors from a predicted CPM.
--
-- An ad server sends a bid request as it is about to auction an impression; the engine answers with the
-- floor. What won, and for how much, comes back as an outcome. Both are data points of the placement.

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

-- How much is known about a placement: every decision and every outcome is a data point.
CREATE MATERIALIZED VIEW placement_stats AS
SELECT placement, COUNT(*) AS data_points
FROM (
    SELECT placement FROM bid_requests
    UNION ALL
    SELECT placement FROM outcomes
)
GROUP BY placement;

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
    ROUND(LEAST(GREATEST(cpm * confidence * competition, 0.5), 10.0), 4) AS floor,
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
        END AS competition
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
                COALESCE(historical_ctr_avg, 0.02)        AS historical_ctr_avg,
                CASE WHEN hour_of_day BETWEEN 19 AND 23 THEN 1 ELSE 0 END AS is_prime_time,
                inventory_type,
                COALESCE(p.data_points, 0) AS data_points
            FROM bid_requests AS b
            LEFT JOIN placement_stats AS p ON p.placement = b.placement
        )
    )
)
-- Too late, or no prediction: the request's own floor in its own currency, else 2 EUR.
FALLBACK SELECT
    CASE WHEN bid_floor > 0 THEN bid_floor ELSE 2.0 END AS floor,
    CASE WHEN bid_floor > 0 THEN COALESCE(bid_floor_currency, 'USD') ELSE 'EUR' END AS currency;
