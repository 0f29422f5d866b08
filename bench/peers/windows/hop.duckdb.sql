SELECT time_bucket(INTERVAL '1 minute', ts) - slide * INTERVAL '1 minute' AS window_start, category,
       count(*) AS events, count(DISTINCT user_id) AS users
FROM events, range(5) AS slides(slide)
GROUP BY ALL
