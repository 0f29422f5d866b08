-- shop: what happens in a web shop, as it happens.
--
-- Two streams: the clickstream, and the logins, for those who have them. Every view but sessions counts people
-- only: what says it is a crawler is left out. Amounts are DECIMAL, so that sums are exact.

-- Where an address is: by its first two numbers.
CREATE LOOKUP networks (network STRING, country STRING NOT NULL) WITH ('path' = 'lookups/networks.csv');
CREATE LOOKUP countries (country STRING, name STRING NOT NULL, tier INT NOT NULL)
WITH ('path' = 'lookups/countries.csv');
-- 'browser', 'app' or 'bot'.
CREATE LOOKUP agents (user_agent STRING, class STRING NOT NULL) WITH ('path' = 'lookups/agents.csv');

CREATE TABLE events (
    user_id           STRING NOT NULL,
    session_id        STRING NOT NULL,
    event_type        STRING NOT NULL,          -- 'page_view', 'click', 'purchase' or 'search'
    ts                TIMESTAMP(3) NOT NULL,
    page_url          STRING NOT NULL,
    product_id        STRING,
    category          STRING,
    device_type       STRING,                   -- 'mobile', 'desktop' or 'tablet'
    user_agent        STRING,
    ip                STRING,
    referrer          STRING,
    custom_properties STRING,                   -- a JSON object, by the type of the event

    country  AS LOOKUP(networks.country, SPLIT_INDEX(ip, '.', 0) || '.' || SPLIT_INDEX(ip, '.', 1)),
    is_bot   AS COALESCE(LOOKUP(agents.class, user_agent) = 'bot', REGEXP(user_agent, '(?i)bot|crawler|spider'), FALSE),
    action   AS JSON_VALUE(custom_properties, '$.action'),              -- of a click
    amount   AS CAST(JSON_VALUE(custom_properties, '$.amount') AS DECIMAL(12, 2)),        -- of a purchase
    quantity AS JSON_VALUE(custom_properties, '$.quantity' RETURNING INT),

    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (user_id) WITH ('idle_timeout' = '30 s');

CREATE TABLE logins (
    user_id    STRING NOT NULL,                 -- the account that is asked for
    ts         TIMESTAMP(3) NOT NULL,
    ip         STRING,
    user_agent STRING,
    success    BOOLEAN NOT NULL,
    country    AS LOOKUP(networks.country, SPLIT_INDEX(ip, '.', 0) || '.' || SPLIT_INDEX(ip, '.', 1)),
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (user_id) WITH ('idle_timeout' = '30 s');

CREATE VIEW people AS SELECT * FROM events WHERE NOT is_bot;

-- Active users: of each minute, of five minutes every minute, of an hour every five minutes.
CREATE MATERIALIZED VIEW active_users_1m AS
SELECT window_start, window_end, COUNT(DISTINCT user_id) AS users
FROM TABLE(TUMBLE(TABLE people, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;

CREATE MATERIALIZED VIEW active_users_5m AS
SELECT window_start, window_end, COUNT(DISTINCT user_id) AS users
FROM TABLE(HOP(TABLE people, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
GROUP BY window_start, window_end;

CREATE MATERIALIZED VIEW active_users_1h AS
SELECT window_start, window_end, COUNT(DISTINCT user_id) AS users
FROM TABLE(HOP(TABLE people, DESCRIPTOR(ts), INTERVAL '5' MINUTE, INTERVAL '1' HOUR))
GROUP BY window_start, window_end;

CREATE MATERIALIZED VIEW page_views AS
SELECT window_start, category, COUNT(*) AS views
FROM TABLE(TUMBLE(TABLE people, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE event_type = 'page_view' AND category IS NOT NULL
GROUP BY window_start, window_end, category;

-- How many sessions of an hour came how far, and what share of those that looked at a product bought one.
CREATE MATERIALIZED VIEW funnel AS
SELECT window_start, looked, carted, checked_out, bought,
       ROUND(CAST(bought AS DOUBLE) / looked, 4) AS conversion
FROM (
    SELECT window_start, window_end,
           COUNT(DISTINCT session_id) FILTER (WHERE event_type = 'page_view' AND product_id IS NOT NULL) AS looked,
           COUNT(DISTINCT session_id) FILTER (WHERE action = 'add_to_cart') AS carted,
           COUNT(DISTINCT session_id) FILTER (WHERE event_type = 'page_view' AND page_url = '/checkout') AS checked_out,
           COUNT(DISTINCT session_id) FILTER (WHERE event_type = 'purchase') AS bought
    FROM TABLE(TUMBLE(TABLE people, DESCRIPTOR(ts), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end
);

CREATE MATERIALIZED VIEW revenue AS
SELECT window_start, SUM(amount) AS revenue, COUNT(*) AS purchases, SUM(quantity) AS pieces
FROM TABLE(TUMBLE(TABLE people, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE event_type = 'purchase'
GROUP BY window_start, window_end;

-- What sold and what was looked at. Partitions have parts of them, which a query merges:
-- SELECT product_id, revenue FROM product_sales WHERE window_start = ... ORDER BY revenue DESC LIMIT 10
CREATE MATERIALIZED VIEW product_sales AS
SELECT window_start, window_end, product_id, category,
       COALESCE(SUM(amount), 0) AS revenue,
       COUNT(*) FILTER (WHERE event_type = 'page_view') AS views
FROM TABLE(TUMBLE(TABLE people, DESCRIPTOR(ts), INTERVAL '5' MINUTE))
WHERE product_id IS NOT NULL
GROUP BY window_start, window_end, product_id, category;

CREATE MATERIALIZED VIEW category_sales AS
SELECT window_start, window_end, category,
       COALESCE(SUM(amount), 0) AS revenue,
       COUNT(*) FILTER (WHERE event_type = 'page_view') AS views
FROM TABLE(TUMBLE(TABLE people, DESCRIPTOR(ts), INTERVAL '5' MINUTE))
WHERE category IS NOT NULL
GROUP BY window_start, window_end, category;

-- The ten products of each five minutes that sold for most, then those looked at most.
CREATE MATERIALIZED VIEW top_products AS
SELECT window_start, place, product_id, category, revenue, views
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end
                                 ORDER BY revenue DESC, views DESC, product_id) AS place
    FROM product_sales
)
WHERE place <= 10;

CREATE MATERIALIZED VIEW top_categories AS
SELECT window_start, place, category, revenue, views
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end
                                 ORDER BY revenue DESC, views DESC, category) AS place
    FROM category_sales
)
WHERE place <= 5;

CREATE MATERIALIZED VIEW users_by_country AS
SELECT window_start, country, LOOKUP(countries.name, country) AS name, users, events
FROM (
    SELECT window_start, window_end, COALESCE(country, '??') AS country,
           COUNT(DISTINCT user_id) AS users, COUNT(*) AS events
    FROM TABLE(TUMBLE(TABLE people, DESCRIPTOR(ts), INTERVAL '5' MINUTE))
    GROUP BY window_start, window_end, COALESCE(country, '??')
);

-- Sessions by what users do, whatever session_id says: they end after 30 minutes without an event.
CREATE MATERIALIZED VIEW sessions WITH ('retention' = '2 d') AS
SELECT user_id, window_start AS first_event, window_end - INTERVAL '30' MINUTE AS last_event,
       TIMESTAMPDIFF(SECOND, window_start, window_end) - 1800 AS seconds,
       events, pages, purchases, revenue, is_bot
FROM (
    SELECT user_id, window_start, window_end, is_bot,
           COUNT(*) AS events,
           COUNT(*) FILTER (WHERE event_type = 'page_view') AS pages,
           COUNT(*) FILTER (WHERE event_type = 'purchase') AS purchases,
           COALESCE(SUM(amount), 0) AS revenue
    FROM TABLE(SESSION(TABLE events PARTITION BY (user_id, is_bot), DESCRIPTOR(ts), INTERVAL '30' MINUTE))
    GROUP BY user_id, is_bot, window_start, window_end
);

-- Stolen cards are tried with small purchases in quick succession.
CREATE RULE card_testing WITH ('severity' = 'critical', 'cooldown' = '30 min') AS
SELECT user_id, since, at, purchases, amount
FROM (SELECT user_id, ts, amount FROM people WHERE event_type = 'purchase') MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES FIRST(P.ts) AS since, LAST(P.ts) AS at, COUNT(*) AS purchases, SUM(P.amount) AS amount
    PATTERN (P{5}) WITHIN INTERVAL '2' MINUTE
    DEFINE P AS amount < 50
);

-- Eight wrong passwords within a minute and a half.
CREATE RULE brute_force_login WITH ('severity' = 'warning', 'cooldown' = '10 min') AS
SELECT user_id, since, at, ip, country
FROM logins MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES FIRST(F.ts) AS since, LAST(F.ts) AS at, LAST(F.ip) AS ip, LAST(F.country) AS country
    PATTERN (F{8}) WITHIN INTERVAL '90' SECOND
    DEFINE F AS NOT success
);

-- A login, another one from a country where nobody is an hour later, and from there a purchase.
CREATE RULE account_takeover WITH ('severity' = 'critical', 'cooldown' = '1 h') AS
SELECT user_id, since, at, home, country, amount
FROM (
    SELECT user_id, ts, country, success, CAST(NULL AS DECIMAL(12, 2)) AS amount FROM logins
    UNION ALL SELECT user_id, ts, country, FALSE, amount FROM people WHERE event_type = 'purchase'
) MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES A.ts AS since, P.ts AS at, H.country AS home, A.country AS country, P.amount AS amount
    PATTERN (H M*? A N*? P) WITHIN INTERVAL '1' HOUR
    DEFINE H AS success,
           A AS success AND country <> H.country,
           P AS amount IS NOT NULL AND country = A.country AND ts <= A.ts + INTERVAL '15' MINUTE
);

-- At the checkout, and ten minutes later nothing is bought. In order of event time: a purchase that took longer to
-- come is one.
CREATE RULE checkout_broken_off WITH ('severity' = 'info', 'order' = 'event') AS
SELECT user_id, at, session_id
FROM people MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES C.ts AS at, C.session_id AS session_id
    PATTERN (C NOT P) WITHIN INTERVAL '10' MINUTE
    DEFINE C AS event_type = 'page_view' AND page_url = '/checkout', P AS event_type = 'purchase'
);
